"""The addresses of the clinical pages."""

from django.urls import include, path

from diagnosis.views import (
    access,
    analysis,
    attention,
    card,
    comparison,
    critical_result,
    desk,
    follow,
    image,
    patient,
    regroup,
    scan,
    upload,
)

app_name = "diagnosis"

urlpatterns = [
    path("", include("diagnosis.urls.viewer")),
    path("", include("diagnosis.urls.review")),
    path("", include("diagnosis.urls.oversight")),
    path("", include("diagnosis.urls.report")),
    path("", include("diagnosis.urls.intake")),
    path("desk/", desk.show, name="home"),
    path("patients/", patient.index, name="patient-list"),
    path("patients/new/", patient.create, name="patient-create"),
    path("patients/<uuid:pk>/", patient.detail, name="patient-detail"),
    path("patients/<uuid:pk>/access/", access.of_patient, name="patient-access"),
    path("patients/<uuid:pk>/compare/", comparison.show, name="patient-compare"),
    path("patients/<uuid:pk>/edit/", patient.edit, name="patient-edit"),
    path("patients/<uuid:pk>/scans/", upload.upload, name="scan-upload"),
    path("upload/", patient.choose, name="upload"),
    path("scans/", scan.index, name="scan-list"),
    path("scans/progress/", scan.progress, name="scan-progress"),
    path("studies/<uuid:pk>/", scan.study, name="study-detail"),
    path("studies/<uuid:pk>/result/", scan.study_result, name="study-result"),
    path("studies/<uuid:pk>/follow/", follow.study, name="study-follow"),
    path("studies/<uuid:pk>/ordered-by/", follow.ordered_by, name="study-ordered-by"),
    path("patients/<uuid:pk>/follow/", follow.patient, name="patient-follow"),
    path("studies/<uuid:pk>/critical/", critical_result.mark, name="study-critical"),
    path("studies/<uuid:pk>/images/move/", regroup.move, name="study-regroup"),
    path("scans/<uuid:pk>/", scan.detail, name="scan-detail"),
    path("scans/<uuid:pk>/result/", scan.result, name="scan-result"),
    path("scans/<uuid:pk>/image.png", image.picture, name="scan-image"),
    path("scans/<uuid:pk>/thumbnail.png", image.thumbnail, name="scan-thumbnail"),
    path("scans/<uuid:pk>/original/", image.original, name="scan-original"),
    path("scans/<uuid:pk>/attention/", attention.draw, name="scan-attention"),
    path("scans/<uuid:pk>/analyses/", analysis.rerun, name="analysis-rerun"),
    path("analyses/<uuid:pk>/", analysis.detail, name="analysis-detail"),
    path("analyses/<uuid:pk>/cancel/", analysis.cancel, name="analysis-cancel"),
    path("predictions/<uuid:pk>/attention.png", attention.show, name="prediction-attention"),
    path("predictions/<uuid:pk>/seen.png", image.seen, name="prediction-seen"),
    path("classifiers/<slug:name>/<str:version>/", card.show, name="model-card"),
]
