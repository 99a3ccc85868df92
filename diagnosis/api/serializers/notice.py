from __future__ import annotations

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from diagnosis.api import study_examples as examples
from diagnosis.api.serializers.links import address_of, links
from diagnosis.models import Notification
from diagnosis.models.notification import NotificationKind


@extend_schema_serializer(examples=[examples.answer(examples.NOTICE)])
class NoticeSerializer(serializers.ModelSerializer[Notification]):
    """That something about a study is ready, without a clinical word. A notice about a confidential record names no
    patient: whoever looks after such records need not see them.
    """

    clinic = serializers.UUIDField(source="clinic.pk")
    kind = serializers.ChoiceField(NotificationKind.choices)
    sentence = serializers.CharField(source="get_kind_display", help_text="the same for people")
    study = serializers.UUIDField(
        source="study_id", allow_null=True, help_text="null in a notice about a confidential record"
    )
    read_at = serializers.DateTimeField(allow_null=True, help_text="when it was opened on the pages; null: not yet")
    links = serializers.SerializerMethodField()

    class Meta:
        model = Notification
        fields = ["id", "clinic", "kind", "sentence", "study", "created_at", "read_at", "links"]

    def get_links(self, notice: Notification) -> dict[str, str]:
        study = {"study": address_of(self, "api:study", notice.study_id)} if notice.study_id else {}
        return {**links(self, notice, self="api:notice"), **study}
