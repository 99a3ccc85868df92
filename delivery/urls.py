"""What goes out of the portal, for the administrators of a clinic."""

from django.urls import path

from delivery.views import destination, outbox

app_name = "delivery"
urlpatterns = [
    path("deliveries/", outbox.index, name="outbox"),
    path("deliveries/<uuid:pk>/again/", outbox.send_again, name="delivery-again"),
    path("deliveries/<uuid:pk>/cancel/", outbox.cancel, name="delivery-cancel"),
    path("destinations/", destination.index, name="destinations"),
    path("destinations/add/<slug:kind>/", destination.add, name="destination-add"),
    path("destinations/<uuid:pk>/", destination.change, name="destination"),
    path("destinations/<uuid:pk>/test/", destination.echo, name="destination-echo"),
]
