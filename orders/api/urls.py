"""Below /api/v1/, in the namespace of the API: see portal/urls.py."""

from django.urls import path

from orders.api.views import OneOrder, Orders

urlpatterns = [
    path("orders/", Orders.as_view(), name="orders"),
    path("orders/<uuid:pk>/", OneOrder.as_view(), name="order"),
]
