from __future__ import annotations

from typing import Any

from rest_framework import serializers

from diagnosis.results import intended_use


class IntendedUseSerializer(serializers.Serializer[Any]):
    """Stands beside every result."""

    sentence = serializers.CharField()
    version = serializers.CharField()


def intended_use_now() -> dict[str, str]:
    return {"sentence": intended_use.sentence(), "version": intended_use.VERSION}
