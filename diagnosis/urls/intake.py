"""What can be done about an examination after its upload."""

from django.urls import path

from diagnosis.views import withdrawal
from diagnosis.views.oversight import withdrawal as restoring

urlpatterns = [
    path("studies/<uuid:pk>/take-back/", withdrawal.ask, name="study-take-back"),
    path("oversight/withdrawals/<uuid:pk>/restore/", restoring.restore, name="withdrawal-restore"),
]
