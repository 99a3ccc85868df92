"""What came over the DICOM network and waits for a person, and what archives were asked for."""

from django.urls import path

from network.views import decision, priors, registration, worklist

app_name = "network"
urlpatterns = [
    path("received/", worklist.index, name="received"),
    path("received/rejected/", worklist.rejected, name="received-rejected"),
    path("received/priors/", priors.index, name="priors"),
    path("received/priors/<uuid:pk>/again/", priors.ask_again, name="prior-again"),
    path("received/<uuid:pk>/", worklist.detail, name="received-study"),
    path("received/<uuid:pk>/attach/", decision.attach_to, name="received-attach"),
    path("received/<uuid:pk>/reject/", decision.turn_away, name="received-reject"),
    path("received/<uuid:pk>/bring-back/", decision.undo, name="received-bring-back"),
    path("received/<uuid:pk>/register/", registration.register, name="received-register"),
    path("received/images/<uuid:pk>.png", worklist.preview, name="received-preview"),
]
