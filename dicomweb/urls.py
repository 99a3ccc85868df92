"""Below /api/dicom-web/, as PS3.18 names them: without a slash at the end."""

from django.urls import path

from dicomweb.views.rendered import Rendered, Thumbnail
from dicomweb.views.retrieve import Frames, Instances, Metadata, WholeStudy
from dicomweb.views.search import Instances as FoundInstances
from dicomweb.views.search import SeriesOf, Studies

app_name = "dicomweb"
STUDY = "studies/<str:study>"
SERIES = f"{STUDY}/series/<str:series>"
INSTANCE = f"{SERIES}/instances/<str:instance>"
FRAMES = f"{INSTANCE}/frames/<str:frames>"

urlpatterns = [
    path("studies", Studies.as_view(), name="dicom-find-studies"),
    path("series", SeriesOf.as_view(), name="dicom-find-series"),
    path("instances", FoundInstances.as_view(), name="dicom-find-instances"),
    path(f"{STUDY}/series", SeriesOf.as_view(), name="dicom-study-find-series"),
    path(f"{STUDY}/instances", FoundInstances.as_view(), name="dicom-study-find-instances"),
    path(f"{SERIES}/instances", FoundInstances.as_view(), name="dicom-series-find-instances"),
    path(STUDY, WholeStudy.as_view(), name="dicom-study"),
    path(SERIES, Instances.as_view(), name="dicom-series"),
    path(INSTANCE, Instances.as_view(), name="dicom-instance"),
    path(f"{STUDY}/metadata", Metadata.as_view(), name="dicom-study-metadata"),
    path(f"{SERIES}/metadata", Metadata.as_view(), name="dicom-series-metadata"),
    path(f"{INSTANCE}/metadata", Metadata.as_view(), name="dicom-instance-metadata"),
    path(FRAMES, Frames.as_view(), name="dicom-instance-frames"),
    path(f"{INSTANCE}/rendered", Rendered.as_view(), name="dicom-instance-rendered"),
    path(f"{FRAMES}/rendered", Rendered.as_view(), name="dicom-instance-frames-rendered"),
    path(f"{STUDY}/thumbnail", Thumbnail.as_view(), name="dicom-study-thumbnail"),
    path(f"{SERIES}/thumbnail", Thumbnail.as_view(), name="dicom-series-thumbnail"),
    path(f"{INSTANCE}/thumbnail", Thumbnail.as_view(), name="dicom-instance-thumbnail"),
    path(f"{FRAMES}/thumbnail", Thumbnail.as_view(), name="dicom-instance-frames-thumbnail"),
]
