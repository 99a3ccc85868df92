from django.urls import path

from diagnosis.api.predecessor.views import SendBase64, upload

app_name = "predecessor"

# Without a slash at the end, as they always were.
urlpatterns = [
    path("sendbase64", SendBase64.as_view(), name="sendbase64"),
    path("upload", upload, name="upload"),
]
