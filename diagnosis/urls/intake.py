"""What can be done about an examination after its upload."""

from django.urls import path

from diagnosis.views import study_details, withdrawal
from diagnosis.views.oversight import withdrawal as restoring

urlpatterns = [
    path("studies/<uuid:pk>/take-back/", withdrawal.ask, name="study-take-back"),
    path("studies/<uuid:pk>/details/", study_details.edit, name="study-details"),
    path("oversight/withdrawals/<uuid:pk>/restore/", restoring.restore, name="withdrawal-restore"),
]
