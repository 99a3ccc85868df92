"""The API's addresses but those of orders; portal/urls.py puts both into one namespace."""

from django.urls import path, re_path

from diagnosis.api.views.analysis import AnalysisImages, Attention, Cancel, OneAnalysis
from diagnosis.api.views.archive import Archives
from diagnosis.api.views.classifier import Classifiers, Ensembles
from diagnosis.api.views.image import Images, OneImage
from diagnosis.api.views.notice import Notices, OneNotice
from diagnosis.api.views.nowhere import Nowhere
from diagnosis.api.views.patient import History, OnePatient, Patients
from diagnosis.api.views.person import OnePerson, People
from diagnosis.api.views.report import OneReport, Pdf, Reports
from diagnosis.api.views.review import OneReview, Reviews
from diagnosis.api.views.scan import Image, OneScan, Original, Rerun, Scans
from diagnosis.api.views.schema import Docs, Schema
from diagnosis.api.views.study import OneSeries, OneStudy, Studies
from diagnosis.api.views.token import CurrentToken, Token, Tokens
from diagnosis.api.views.withdrawal import TakeBack

urlpatterns = [
    path("tokens/", Tokens.as_view(), name="tokens"),
    path("tokens/current/", CurrentToken.as_view(), name="token-current"),
    path("tokens/<int:pk>/", Token.as_view(), name="token"),
    path("patients/", Patients.as_view(), name="patients"),
    path("patients/<uuid:pk>/", OnePatient.as_view(), name="patient"),
    path("patients/<uuid:pk>/history/", History.as_view(), name="patient-history"),
    path("studies/", Studies.as_view(), name="studies"),
    path("studies/<uuid:pk>/", OneStudy.as_view(), name="study"),
    path("studies/<uuid:pk>/take-back/", TakeBack.as_view(), name="study-take-back"),
    path("series/<uuid:pk>/", OneSeries.as_view(), name="one-series"),
    path("images/", Images.as_view(), name="images"),
    path("images/<uuid:pk>/", OneImage.as_view(), name="image"),
    path("scans/", Scans.as_view(), name="scans"),
    path("scans/<uuid:pk>/", OneScan.as_view(), name="scan"),
    path("scans/<uuid:pk>/original", Original.as_view(), name="scan-original"),
    path("scans/<uuid:pk>/image.png", Image.as_view(), name="scan-image"),
    path("scans/<uuid:pk>/analyses/", Rerun.as_view(), name="scan-analyses"),
    path("archives/", Archives.as_view(), name="archives"),
    path("analyses/<uuid:pk>/", OneAnalysis.as_view(), name="analysis"),
    path("analyses/<uuid:pk>/images/", AnalysisImages.as_view(), name="analysis-images"),
    path("analyses/<uuid:pk>/cancel/", Cancel.as_view(), name="analysis-cancel"),
    path("predictions/<uuid:pk>/attention.png", Attention.as_view(), name="attention"),
    path("reviews/", Reviews.as_view(), name="reviews"),
    path("reviews/<uuid:pk>/", OneReview.as_view(), name="review"),
    path("reports/", Reports.as_view(), name="reports"),
    path("reports/<uuid:pk>/", OneReport.as_view(), name="report"),
    path("reports/<uuid:pk>/report.pdf", Pdf.as_view(), name="report-pdf"),
    path("notices/", Notices.as_view(), name="notices"),
    path("notices/<int:pk>/", OneNotice.as_view(), name="notice"),
    path("people/", People.as_view(), name="people"),
    path("people/<int:pk>/", OnePerson.as_view(), name="person"),
    path("classifiers/", Classifiers.as_view(), name="classifiers"),
    path("ensembles/", Ensembles.as_view(), name="ensembles"),
    path("schema/", Schema.as_view(), name="schema"),
    path("docs/", Docs.as_view(), name="docs"),
    re_path("", Nowhere.as_view()),
]
