from __future__ import annotations

from typing import Any

from rest_framework import serializers

from diagnosis.models.study import Priority
from diagnosis.scans.request import WORDS, Request, plausible_day


class RequestSerializer(serializers.Serializer[Any]):
    """What is said of the examination. A header's date counts before this one; words of this one before a header's."""

    examination = serializers.UUIDField(
        required=False,
        help_text="a UUID that you make up, or the id of a study: files that name no study, with the same one, of one "
        "patient and modality, become images of one study; left out: each is a study of its own",
    )
    examined_on = serializers.DateField(
        required=False, validators=[plausible_day], help_text="the day of the examination, where no header says it"
    )
    examined_unknown = serializers.BooleanField(
        default=False, help_text="nobody knows the day: it is not guessed from the photograph either"
    )
    referring_physician = serializers.CharField(max_length=200, default="", allow_blank=True)
    ward = serializers.CharField(max_length=120, default="", allow_blank=True)
    clinical_question = serializers.CharField(max_length=2000, default="", allow_blank=True)
    symptoms = serializers.CharField(max_length=2000, default="", allow_blank=True)
    priority = serializers.ChoiceField(
        Priority.choices,
        default="",
        allow_blank=True,
        help_text="as the referrer asked; `urgent` is the uploader's own",
    )


def request_of(fields: dict[str, Any]) -> Request:
    """From the validated fields of a `RequestSerializer`."""
    return Request(
        examined_on=fields.get("examined_on"),
        is_date_unknown=fields["examined_unknown"],
        examination=fields.get("examination"),
        priority=fields["priority"],
        **{name: fields[name] for name in WORDS},
    )
