"""What was ordered, and what became of it."""

from django.urls import path

from orders.views import orders

app_name = "orders"
urlpatterns = [
    path("orders/", orders.index, name="list"),
    path("orders/policy/", orders.policy, name="policy"),
    path("orders/proposals/<uuid:pk>/drop/", orders.drop_proposal, name="proposal-drop"),
    path("orders/<uuid:pk>/", orders.detail, name="order"),
    path("orders/<uuid:pk>/cancel/", orders.cancel, name="cancel"),
]
