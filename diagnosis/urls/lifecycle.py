"""What becomes of data in the end: deletion by two people, legal holds, retention, and exports."""

from django.urls import path

from diagnosis.views import deletion, export, legal_hold
from diagnosis.views.oversight import deidentified, retention
from diagnosis.views.oversight import deletion as overseeing

urlpatterns = [
    path("studies/<uuid:pk>/delete/", deletion.ask, name="study-delete"),
    path("deletions/<uuid:pk>/confirm/", deletion.confirm, name="deletion-confirm"),
    path("deletions/<uuid:pk>/drop/", deletion.drop, name="deletion-drop"),
    path("patients/<uuid:pk>/export/", export.of_patient, name="patient-export"),
    path("patients/<uuid:pk>/hold/", legal_hold.of_patient, name="patient-hold"),
    path("holds/<uuid:pk>/lift/", legal_hold.lift, name="hold-lift"),
    path("oversight/deletions/", overseeing.index, name="oversight-deletions"),
    path("oversight/deletions/confirm/", overseeing.confirm, name="deletions-confirm"),
    path("oversight/deidentified/", deidentified.index, name="oversight-deidentified"),
    path("oversight/retention/", retention.index, name="oversight-retention"),
    path("oversight/retention/rule/", retention.rule, name="retention-rule"),
]
