"""Reports: read, change while preliminary, sign, add to, correct, mark as entered in error, print, verify."""

from django.urls import path

from diagnosis.views import authorisation, critical_result, report

urlpatterns = [
    path("reports/<uuid:pk>/", report.detail, name="report-detail"),
    path("reports/<uuid:pk>/words/", report.revise, name="report-revise"),
    path("reports/<uuid:pk>/signature/", report.sign, name="report-sign"),
    path("reports/<uuid:pk>/hand-over/", authorisation.give, name="report-hand-over"),
    path("reports/<uuid:pk>/take-back/", authorisation.take, name="report-take-back"),
    path("reports/<uuid:pk>/send-back/", authorisation.give_back, name="report-send-back"),
    path("reports/<uuid:pk>/authorisation/", authorisation.authorise, name="report-authorise"),
    path("reports/<uuid:pk>/addenda/", report.addendum, name="report-addendum"),
    path("reports/<uuid:pk>/correction/", report.correct, name="report-correct"),
    path("reports/<uuid:pk>/error/", report.enter_error, name="report-error"),
    path("reports/<uuid:pk>/report.pdf", report.pdf, name="report-pdf"),
    path("reports/<uuid:pk>/key-images/<int:place>.png", report.key_image, name="report-key-image"),
    path("critical/<uuid:pk>/acknowledge/", critical_result.confirm, name="critical-acknowledge"),
    path("critical/<uuid:pk>/told/", critical_result.told, name="critical-told"),
    path("critical/<uuid:pk>/withdraw/", critical_result.withdraw, name="critical-withdraw"),
    path("verify/<slug:code>/", report.verify, name="report-verify"),
]
