from typing import Any

from rest_framework import serializers


class ProblemSerializer(serializers.Serializer[Any]):
    """Why a request failed. Some codes bring more keys: `errors`, `differences`, `scan`, `clinics`."""

    code = serializers.CharField(help_text="for programs; stable")
    detail = serializers.CharField(help_text="for people: what happened and what to do")
    retryable = serializers.BooleanField(help_text="whether the same request may succeed later without a change")
