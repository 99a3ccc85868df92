from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from diagnosis.api import study_examples as examples
from diagnosis.api.scope import person
from diagnosis.api.serializers.critical_result import CriticalResultSerializer
from diagnosis.api.serializers.image import SliceSerializer
from diagnosis.api.serializers.links import (
    StateReferenceSerializer,
    address_of,
    filtered,
    links,
    state_reference,
)
from diagnosis.models import ReadingPolicy, Series, Study
from diagnosis.results import words
from diagnosis.results.reading import Reading, State
from diagnosis.results.words import Headline
from diagnosis.rules import corrections, critical_results

COUNT = "how many images it has"


class StudyReadingSerializer(serializers.Serializer[Any]):
    """Who has read a study and what they found; empty where there is no report that you may see."""

    state = serializers.ChoiceField([state.value for state in State])
    sentence = serializers.CharField(help_text="where the reading stands")
    category = serializers.CharField(help_text="the radiologist's category")
    impression = serializers.CharField(help_text="the first line of the impression")
    stand = serializers.CharField(help_text="what the radiologist made of the classifiers' result")


def _headline(study: Study) -> Headline:
    """From `with_links`; a study that came another way shows nothing that may be hidden. What was signed for another
    patient is said to be there, and no word of it.
    """
    analysis, report = study.latest_analysis, study.report
    withheld = bool(report and corrections.names_another(report) and corrections.signed_for_others([report]))
    found = words.headline(
        analysis=analysis,
        report=None if withheld else report,
        policy=getattr(study.clinic, "reading_policy", None) or ReadingPolicy(clinic=study.clinic),
        result_hidden=bool(getattr(analysis, "result_hidden", True)),
        reading_hidden=bool(getattr(study, "reading_hidden", True)),
        being_read=bool(getattr(study, "being_read", False)),
    )
    if not withheld:
        return found
    sentence = gettext(corrections.SIGNED_FOR_ANOTHER)
    return replace(found, status=sentence, reading=Reading(State.FINAL, sentence))


@extend_schema_serializer(examples=[examples.answer(examples.SERIES_IN_STUDY)])
class SeriesSerializer(serializers.ModelSerializer[Series]):
    """Images of one study that were made in one go."""

    study = serializers.UUIDField(source="study_id")
    image_count = serializers.IntegerField(help_text=COUNT)
    links = serializers.SerializerMethodField()

    class Meta:
        model = Series
        fields = [
            "id",
            "study",
            "series_instance_uid",
            "number",
            "description",
            "body_part",
            "image_count",
            "links",
        ]

    def get_links(self, series: Series) -> dict[str, str]:
        return {
            **links(self, series, self="api:one-series"),
            "study": address_of(self, "api:study", series.study_id),
            "images": filtered(self, "api:images", "series", series),
        }


@extend_schema_serializer(examples=[examples.answer(examples.SERIES)])
class OneSeriesSerializer(SeriesSerializer):
    """The same with its images, in order."""

    images = SliceSerializer(many=True, source="images.all")

    class Meta(SeriesSerializer.Meta):
        fields = [*SeriesSerializer.Meta.fields, "images"]


@extend_schema_serializer(examples=[examples.answer(examples.STUDY)])
class StudySerializer(serializers.ModelSerializer[Study]):
    """One examination of one patient: what is analysed, read and reported as a whole."""

    clinic = serializers.UUIDField(source="clinic_id")
    patient = serializers.UUIDField(source="patient_id")
    received_from = serializers.CharField(source="received_from.full_name")
    from_file = serializers.ListField(
        child=serializers.CharField(), help_text="the fields that a file's header filled and nobody changed"
    )
    fetched_from = serializers.CharField(
        help_text=(
            "AE title of the archive that it was fetched from: a prior, which is neither analysed by itself nor waiting"
            " to be read; empty where somebody sent it"
        )
    )
    image_count = serializers.IntegerField(help_text=COUNT)
    not_classified_count = serializers.IntegerField(help_text="how many of them no classifier is asked about")
    analysis = serializers.SerializerMethodField(help_text="the newest; null where there is none")
    report = serializers.SerializerMethodField(
        help_text="the newest; null where there is none, or you may not see it while you may still read the study"
    )
    headline = serializers.SerializerMethodField(
        help_text="what the portal says of it in one: the final report, else the classifiers; and who has read it"
    )
    reading = serializers.SerializerMethodField(help_text="who has read it, and what they found")
    links = serializers.SerializerMethodField()

    class Meta:
        model = Study
        fields = [
            "id",
            "clinic",
            "patient",
            "modality",
            "study_instance_uid",
            "accession_number",
            "description",
            "referring_physician",
            "ward",
            "clinical_question",
            "symptoms",
            "priority",
            "from_file",
            "examined_at",
            "examined_from",
            "received_at",
            "received_from",
            "fetched_from",
            "image_count",
            "not_classified_count",
            "analysis",
            "report",
            "headline",
            "reading",
            "links",
        ]

    def get_headline(self, study: Study) -> str:
        return _headline(study).sentence

    @extend_schema_field(StudyReadingSerializer)
    def get_reading(self, study: Study) -> Any:
        return StudyReadingSerializer(_headline(study).reading).data

    @extend_schema_field(StateReferenceSerializer(allow_null=True))
    def get_analysis(self, study: Study) -> dict[str, Any] | None:
        return state_reference(self, "api:analysis", study.latest_analysis)

    @extend_schema_field(StateReferenceSerializer(allow_null=True))
    def get_report(self, study: Study) -> dict[str, Any] | None:
        return state_reference(self, "api:report", study.report)

    def get_links(self, study: Study) -> dict[str, str]:
        lists = {name: filtered(self, f"api:{name}", "study", study) for name in ("images", "reviews", "reports")}
        patient = address_of(self, "api:patient", study.patient_id)
        return {**links(self, study, self="api:study"), "patient": patient, **lists}


@extend_schema_serializer(examples=[examples.answer(examples.ONE_STUDY)])
class OneStudySerializer(StudySerializer):
    """The same with its series and its critical results."""

    critical_results = serializers.SerializerMethodField(
        help_text="the newest first, withdrawn ones too; those that tell of a reading you may not see are left out"
    )
    series = SeriesSerializer(many=True, source="series.all")

    class Meta(StudySerializer.Meta):
        fields = [*StudySerializer.Meta.fields, "critical_results", "series"]

    @extend_schema_field(CriticalResultSerializer(many=True))
    def get_critical_results(self, study: Study) -> Any:
        found = critical_results.of_study(study, visible_to=person(self.context["request"]))
        return CriticalResultSerializer(found, many=True).data
