from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from diagnosis.api import examples
from diagnosis.api.serializers.aggregation import AggregationSerializer
from diagnosis.api.serializers.intended_use import IntendedUseSerializer, intended_use_now
from diagnosis.api.serializers.links import address, address_of, links
from diagnosis.api.serializers.prediction import EnsemblePredictionSerializer, PredictionSerializer
from diagnosis.models import Analysis, Prediction, ReadingPolicy
from diagnosis.models.review import Mark
from diagnosis.results import marks, words
from diagnosis.rules.classifiers import Stops
from diagnosis.states import AnalysisStatus


class FailureSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(source="failure_code")
    reason = serializers.CharField(source="failure_reason", help_text="what happened and what to do")
    retryable = serializers.BooleanField(source="failure_retryable")


class StopSerializer(serializers.Serializer[Any]):
    """That a classifier was stopped, by whoever is responsible for it."""

    classifier = serializers.CharField()
    version = serializers.CharField()
    at = serializers.DateTimeField()
    reason = serializers.CharField(source="because")


@extend_schema_serializer(examples=[examples.answer(examples.ANALYSIS)])
class AnalysisSerializer(serializers.ModelSerializer[Analysis]):
    """One run of every active classifier over the images of a study, and what it is not."""

    study = serializers.UUIDField(source="study_id")
    scan = serializers.UUIDField(source="scan.pk", help_text="the image that stands for what it saw")
    requested_by = serializers.CharField(source="requested_by.full_name")
    seconds = serializers.FloatField(allow_null=True, help_text="from request to end")
    failure = serializers.SerializerMethodField()
    verdict = serializers.SerializerMethodField(help_text="the state or the result in careful words")
    result_hidden = serializers.SerializerMethodField(
        help_text="true while you read first: commit your first impression, then ask again"
    )
    aggregation = serializers.SerializerMethodField(help_text="null while the result is hidden, or there is none")
    ensemble_prediction = serializers.SerializerMethodField(
        help_text="null while the result is hidden, or nothing was combined"
    )
    without_ensemble = serializers.SerializerMethodField(help_text="why nothing was combined; else empty")
    marks = serializers.SerializerMethodField(help_text="what wants a person's eye in the result")
    predictions = serializers.SerializerMethodField(help_text="empty while the result is hidden")
    stopped = serializers.SerializerMethodField(
        help_text="which of the classifiers that gave this result were stopped since; do not rely on it"
    )
    intended_use = serializers.SerializerMethodField()
    links = serializers.SerializerMethodField()

    class Meta:
        model = Analysis
        fields = [
            "id",
            "study",
            "scan",
            "number",
            "trigger",
            "status",
            "verdict",
            "failure",
            "requested_by",
            "requested_at",
            "started_at",
            "finished_at",
            "seconds",
            "attempts",
            "result_hidden",
            "aggregation",
            "ensemble_prediction",
            "without_ensemble",
            "marks",
            "predictions",
            "stopped",
            "intended_use",
            "links",
        ]

    @extend_schema_field(FailureSerializer(allow_null=True))
    def get_failure(self, analysis: Analysis) -> Mapping[str, Any] | None:
        return FailureSerializer(analysis).data if analysis.status == AnalysisStatus.FAILED else None

    def get_verdict(self, analysis: Analysis) -> str:
        clinic = analysis.study.clinic
        policy = getattr(clinic, "reading_policy", None) or ReadingPolicy(clinic=clinic)
        return words.computer(analysis, policy=policy, hidden=self.get_result_hidden(analysis)).sentence

    def get_result_hidden(self, analysis: Analysis) -> bool:
        # From `scope.readable`. An analysis that came another way shows nothing.
        return bool(getattr(analysis, "result_hidden", True))

    @extend_schema_field(AggregationSerializer(allow_null=True))
    def get_aggregation(self, analysis: Analysis) -> Any:
        shown = {} if self.get_result_hidden(analysis) else analysis.aggregation
        return AggregationSerializer(shown).data if shown else None

    @extend_schema_field(EnsemblePredictionSerializer(allow_null=True))
    def get_ensemble_prediction(self, analysis: Analysis) -> Any:
        shown = None if self.get_result_hidden(analysis) else analysis.ensemble
        return EnsemblePredictionSerializer(shown, context=self.context).data if shown else None

    def get_without_ensemble(self, analysis: Analysis) -> str:
        return "" if self.get_result_hidden(analysis) else analysis.without_ensemble

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(Mark.choices)))
    def get_marks(self, analysis: Analysis) -> list[str]:
        shown = self._shown(analysis)
        return [mark.value for mark in marks.marks(shown, analysis.ensemble)] if shown else []

    @extend_schema_field(PredictionSerializer(many=True))
    def get_predictions(self, analysis: Analysis) -> Any:
        return PredictionSerializer(self._shown(analysis), many=True, context=self.context).data

    @extend_schema_field(StopSerializer(many=True))
    def get_stopped(self, analysis: Analysis) -> Any:
        shown, study = self._shown(analysis), analysis.study
        if not shown:
            return []
        of_clinics = cast(dict[str, Any], self.context).setdefault("stops", {})  # asked once for a whole list
        stops = of_clinics.get(study.clinic_id) or of_clinics.setdefault(study.clinic_id, Stops.of(study.clinic_id))
        return StopSerializer(stops.among(study.modality, [one.identity for one in shown]), many=True).data

    def _shown(self, analysis: Analysis) -> list[Prediction]:
        return [] if self.get_result_hidden(analysis) else list(analysis.predictions.all())

    @extend_schema_field(IntendedUseSerializer)
    def get_intended_use(self, analysis: Analysis) -> dict[str, str]:
        return intended_use_now()

    def get_links(self, analysis: Analysis) -> dict[str, str]:
        routes = {"self": "api:analysis", "image_results": "api:analysis-images", "cancel": "api:analysis-cancel"}
        return {
            "study": address_of(self, "api:study", analysis.study_id),
            "scan": address(self, "api:scan", analysis.scan),
            **links(self, analysis, **routes),
        }
