"""What an administrator of a clinic sees of its patients and jobs: to read, not to rewrite.

Who may see it comes from the roles alone: neither Django's own permissions nor being a superuser opens a clinic.
Files have no links here; they are reached through the scan's page, which checks the person's right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import flatten
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, User
from accounts.permissions import Permission
from diagnosis import formats
from diagnosis.actions.analysis import cancel_analysis, rerun_analysis
from diagnosis.audited import note_row, note_rows
from diagnosis.errors import Refusal
from diagnosis.models import Analysis, EnsemblePrediction, Patient, Prediction, Scan, Study, Transition
from diagnosis.patients.history import Change, changes
from diagnosis.results import verdict

_QUEUED = ngettext_lazy("%(count)d queued again.", "%(count)d queued again.", "count")
_CANCELLED = ngettext_lazy("%(count)d cancelled.", "%(count)d cancelled.", "count")


def _managed(request: HttpRequest) -> QuerySet[Clinic]:
    return Clinic.objects.where(cast(User, request.user), Permission.MANAGE_CLINIC)


class _ReadOnly:
    """Nothing is added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return bool(request.user.is_staff) and _managed(request).exists()


class _ReadOnlyInline(_ReadOnly, admin.TabularInline):
    extra = 0
    can_delete = False

    def get_readonly_fields(self, request: HttpRequest, obj: object = None) -> tuple[str, ...]:
        return tuple(flatten(self.fields or ()))


class _ClinicalAdmin(_ReadOnly, admin.ModelAdmin):
    """Objects of the clinics that the person administers."""

    clinic_path: ClassVar[str] = "clinic"
    list_per_page = 50
    show_full_result_count = False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request).filter(**{f"{self.clinic_path}__in": _managed(request)})
        return cast(QuerySet[Any], rows.without_hidden(cast(User, request.user)))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            note_row(row)
        return row

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        answer = super().changelist_view(request, extra_context)
        if isinstance(answer, TemplateResponse) and answer.context_data:
            note_rows(self.model, answer.context_data["cl"].result_list)
        return answer


class ScanInline(_ReadOnlyInline):
    model = Scan
    fields = ("page", "modality", "uploaded_at", "uploaded_by", "file_format", "byte_size")
    show_change_link = True

    @admin.display(description=_("page"))
    def page(self, scan: Scan) -> SafeString:
        return _link("diagnosis:scan-detail", scan.pk, gettext("Open"))


class TransitionInline(_ReadOnlyInline):
    model = Transition
    fields = ("at", "before", "after", "by", "why")

    @admin.display(description=_("from"))
    def before(self, step: Transition) -> str:
        return step.source_label

    @admin.display(description=_("to"))
    def after(self, step: Transition) -> str:
        return step.target_label

    @admin.display(description=_("note"))
    def why(self, step: Transition) -> str:
        return step.note_text


class PredictionInline(_ReadOnlyInline):
    model = Prediction
    fields = ("classifier", "version", "verdict", "most_probable", "outside", "time", "preprocessing", "weights")

    @admin.display(description=_("verdict"))
    def verdict(self, prediction: Prediction) -> str:
        return verdict.of_prediction(prediction).sentence

    @admin.display(description=_("most probable"))
    def most_probable(self, prediction: Prediction) -> str:
        found = verdict.of_prediction(prediction)
        return f"{found.label}, {found.probability}"

    @admin.display(description=_("attention outside the lungs"))
    def outside(self, prediction: Prediction) -> str:
        measured = prediction.attention_outside
        return gettext("not measured") if measured is None else formats.share(measured)

    @admin.display(description=_("time"))
    def time(self, prediction: Prediction) -> str:
        return gettext("%(count)d ms") % {"count": round(prediction.milliseconds)}

    @admin.display(description=_("weights' SHA-256"))
    def weights(self, prediction: Prediction) -> str:
        return prediction.weights_sha256[:12]


class CombinationInline(_ReadOnlyInline):
    model = EnsemblePrediction
    fields = ("ensemble", "version", "verdict", "members")

    @admin.display(description=_("verdict"))
    def verdict(self, ensemble: EnsemblePrediction) -> str:
        found = verdict.of_ensemble(ensemble)
        return f"{found.sentence} ({formats.percent(ensemble.probability)})"


@admin.register(Patient)
class PatientAdmin(_ClinicalAdmin):
    list_display = ("medical_record_number", "called", "birth_date", "sex", "clinic", "created_at")
    list_filter = (("clinic", admin.RelatedOnlyFieldListFilter), "sex")
    search_fields = ("search_key",)
    fields = (
        ("medical_record_number", "clinic"),
        ("family_name", "given_name"),
        ("birth_date", "sex"),
        ("created_at", "created_by"),
        "record_history",
        "page",
    )
    readonly_fields = ("record_history", "page")
    inlines = (ScanInline,)

    @admin.display(description=_("name"), ordering="family_name")
    def called(self, patient: Patient) -> str:
        return patient.name

    @admin.display(description=_("page"))
    def page(self, patient: Patient) -> SafeString:
        return _link("diagnosis:patient-detail", patient.pk, gettext("Open the patient's page"))

    @admin.display(description=_("history of the record"))
    def record_history(self, patient: Patient) -> SafeString:
        """Who saved which version and what they changed, newest first."""
        rows = ((formats.moment(change.at), _in_words(change)) for change in changes(patient, by=None))
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}: {}</li>", rows))


@admin.register(Scan)
class ScanAdmin(_ClinicalAdmin):
    list_display = ("uploaded_at", "patient", "modality", "file_format", "uploaded_by", "clinic")
    list_filter = (("clinic", admin.RelatedOnlyFieldListFilter), "modality", "file_format", "uploaded_at")
    list_select_related = ("patient", "uploaded_by", "clinic")
    search_fields = ("patient__search_key", "sha256", "accession_number", "study_instance_uid")
    exclude = ("original", "series", "pixel_sha256", "not_classified_code", "not_classified_params")
    readonly_fields = ("page",)

    @admin.display(description=_("page"))
    def page(self, scan: Scan) -> SafeString:
        return _link("diagnosis:scan-detail", scan.pk, gettext("Open the scan's page"))


@admin.register(Analysis)
class AnalysisAdmin(_ClinicalAdmin):
    clinic_path = "study__clinic"
    list_display = ("requested_at", "study", "number", "status", "trigger", "attempts", "failure_code", "worker")
    list_filter = ("status", "failure_code", "trigger", ("study__clinic", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("study__patient", "study__representative", "image")
    search_fields = ("study__patient__search_key", "failure_code", "worker")
    exclude = (
        *("claim", "lease_expires_at", "enqueued_at", "failure_params", "without_ensemble_reasons", "aggregation"),
    )
    readonly_fields = ("why_failed", "why_not_combined")
    inlines = (CombinationInline, PredictionInline, TransitionInline)
    actions = ("run_again", "cancel")

    @admin.display(description=_("why it failed"))
    def why_failed(self, analysis: Analysis) -> str:
        return analysis.failure_reason

    @admin.display(description=_("why nothing was combined"))
    def why_not_combined(self, analysis: Analysis) -> str:
        return analysis.without_ensemble

    @admin.action(description=_("Run again"), permissions=["view"])
    def run_again(self, request: HttpRequest, chosen: QuerySet[Analysis]) -> None:
        studies = Study.objects.filter(analyses__in=chosen).select_related("clinic").distinct()
        self._each(request, studies, lambda study: rerun_analysis(by=cast(User, request.user), study=study), _QUEUED)

    @admin.action(description=_("Cancel"), permissions=["view"])
    def cancel(self, request: HttpRequest, chosen: QuerySet[Analysis]) -> None:
        analyses = chosen.select_related("study__clinic")
        self._each(
            request,
            analyses,
            lambda analysis: cancel_analysis(by=cast(User, request.user), analysis=analysis),
            _CANCELLED,
        )

    def _each(self, request: HttpRequest, chosen: QuerySet[Any], act: Callable[[Any], object], done: Any) -> None:
        """Act on each by itself, and tell how many went and why the others did not."""
        went = 0
        for one in chosen:
            try:
                act(one)
                went += 1
            except (Refusal, PermissionDenied) as refusal:
                self.message_user(request, f"{one}: {refusal}", messages.WARNING)
        self.message_user(request, done % {"count": went}, messages.SUCCESS if went else messages.WARNING)


def _in_words(change: Change) -> str:
    changed = "; ".join(f"{field.field}: {field.before} → {field.after}" for field in change.fields)
    sentence = gettext("%(reason)s by %(person)s") % {"reason": change.reason, "person": change.by}
    return f"{sentence} ({changed})" if changed else sentence


def _link(view: str, pk: object, text: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse(view, args=[pk]), text)
