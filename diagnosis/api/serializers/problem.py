from typing import Any

from rest_framework import serializers


class ProblemSerializer(serializers.Serializer[Any]):
    """Why a request failed (RFC 9457). Some codes bring more keys: `errors`, `differences`, `scan`, `clinics`,
    `possible_duplicates`.
    """

    type = serializers.CharField(help_text="a URN that names the code")
    title = serializers.CharField(help_text="for people: what went wrong in general")
    status = serializers.IntegerField(help_text="the HTTP status, once more")
    detail = serializers.CharField(help_text="for people: what happened and what to do")
    code = serializers.CharField(help_text="for programs; stable")
    retryable = serializers.BooleanField(help_text="whether the same request may succeed later without a change")
