from django.urls import path

from diagnosis.views import viewer

urlpatterns = [
    path("scans/<uuid:pk>/view/", viewer.show, name="scan-view"),
    path("scans/<uuid:pk>/viewer", viewer.settings, name="scan-viewer"),
    path("scans/<uuid:pk>/greyscale", viewer.greyscale, name="scan-greyscale"),
    path("scans/<uuid:pk>/slices", viewer.slices, name="scan-slices"),
    path("scans/<uuid:pk>/slices/scores", viewer.slice_scores, name="scan-slice-scores"),
]
