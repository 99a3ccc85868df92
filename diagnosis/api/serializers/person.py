from __future__ import annotations

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from accounts.models import Membership
from accounts.people import Standing, standing_of
from accounts.roles import ROLES
from diagnosis.api import examples
from diagnosis.api.serializers.links import links


@extend_schema_serializer(examples=[examples.answer(examples.PERSON)])
class PersonSerializer(serializers.ModelSerializer[Membership]):
    """Somebody's role in a clinic. A person who works in several clinics has another key in each."""

    clinic = serializers.UUIDField(source="clinic_id")
    full_name = serializers.CharField(source="user.full_name")
    email = serializers.EmailField(source="user.email")
    role = serializers.ChoiceField(list(ROLES))
    status = serializers.SerializerMethodField(help_text="invited: has never signed in")
    created_at = serializers.DateTimeField(help_text="since when they are in the clinic")
    last_sign_in_at = serializers.DateTimeField(
        source="user.last_login", allow_null=True, help_text="in whichever clinic; null: never"
    )
    links = serializers.SerializerMethodField()

    class Meta:
        model = Membership
        fields = ["id", "clinic", "full_name", "email", "role", "status", "created_at", "last_sign_in_at", "links"]

    @extend_schema_field(serializers.ChoiceField(Standing.choices))
    def get_status(self, membership: Membership) -> str:
        return standing_of(membership).value

    def get_links(self, membership: Membership) -> dict[str, str]:
        return links(self, membership, self="api:person")
