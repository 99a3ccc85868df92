"""Oversight: the administrators' pages."""

from django.urls import path

from diagnosis.views import access, critical_result, regroup
from diagnosis.views import emergency as breaking
from diagnosis.views.oversight import acceptance, classifiers, correction, emergency, figures, jobs

urlpatterns = [
    path("oversight/", figures.overview, name="oversight-overview"),
    path("oversight/analyses/", jobs.index, name="oversight-jobs"),
    path("oversight/reading/", figures.readings, name="oversight-reading"),
    path("oversight/agreement/", figures.agreements, name="oversight-agreement"),
    path("oversight/classifiers/", classifiers.index, name="oversight-classifiers"),
    path("oversight/classifiers/acceptance/", acceptance.index, name="oversight-acceptance"),
    path("oversight/classifiers/acceptance/<uuid:pk>/", acceptance.detail, name="acceptance-set"),
    path("oversight/classifiers/acceptance/<uuid:pk>.pdf", acceptance.paper, name="acceptance-paper"),
    path("oversight/work/", figures.works, name="oversight-work"),
    path("oversight/tables/<slug:name>.csv", figures.download, name="oversight-download"),
    path("oversight/access/", access.unusual, name="oversight-access"),
    path("oversight/emergency/", emergency.index, name="oversight-emergency"),
    path("oversight/emergency/<uuid:pk>/review/", emergency.review, name="emergency-review"),
    path("emergency/<uuid:pk>/end/", breaking.end, name="emergency-end"),
    path("oversight/critical/", critical_result.index, name="oversight-critical"),
    path("oversight/corrections/", correction.index, name="oversight-corrections"),
    path("oversight/corrections/<uuid:pk>/undo/", correction.undo, name="correction-undo"),
    # Also for who moved images of their own upload.
    path("corrections/<uuid:pk>/undo/", regroup.undo, name="regroup-undo"),
    path("oversight/scans/<uuid:pk>/move/", correction.move, name="scan-move"),
    path("oversight/patients/<uuid:pk>/merge/", correction.merge, name="patient-merge"),
]
