from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from accounts.models import ApiToken, Clinic, Membership
from accounts.roles import ROLES
from accounts.scopes import EVERYTHING, plausible
from diagnosis.api import examples


class ClinicSerializer(serializers.ModelSerializer[Clinic]):
    class Meta:
        model = Clinic
        fields = ["id", "name"]


@extend_schema_serializer(examples=[examples.request(examples.SIGN_IN)])
class SignInSerializer(serializers.Serializer[Any]):
    """E-mail and password of a member of staff, and what the token is for."""

    email = serializers.EmailField()
    password = serializers.CharField(max_length=4096, trim_whitespace=False, write_only=True)
    name = serializers.CharField(max_length=80, help_text="What uses the token, for example “ward 3 scanner”.")
    clinic = serializers.UUIDField(required=False, help_text="Needed by people who work in several clinics.")
    scopes = serializers.CharField(
        max_length=400,
        default=EVERYTHING,
        validators=[plausible],
        help_text="What the token may do, such as `system/Patient.rs system/ImagingStudy.crs`; `*` for everything.",
    )
    days = serializers.IntegerField(
        min_value=1, max_value=3650, required=False, help_text="How long it lasts; left out: as long as one may here."
    )


@extend_schema_serializer(examples=[examples.answer(examples.TOKEN)])
class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """A token without its secret, of which only a digest is kept."""

    clinic = ClinicSerializer(source="membership.clinic")
    role = serializers.ChoiceField(list(ROLES), source="membership.role")
    permissions = serializers.SerializerMethodField()

    class Meta:
        model = ApiToken
        fields = [
            "id",
            "name",
            "clinic",
            "role",
            "permissions",
            "scopes",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        ]

    def get_permissions(self, token: ApiToken) -> list[str]:
        return permission_names(token.membership)


@extend_schema_serializer(examples=[examples.answer(examples.ISSUED_TOKEN)])
class IssuedTokenSerializer(TokenSerializer):
    """The only answer that ever holds the secret."""

    token = serializers.CharField(source="secret", help_text="Shown this once. Send it as `Authorization: Bearer …`.")

    class Meta(TokenSerializer.Meta):
        fields = ["token", *TokenSerializer.Meta.fields]


def permission_names(membership: Membership) -> list[str]:
    """Names such as UPLOAD_SCAN, in alphabetical order."""
    return sorted(permission.name for permission in membership.permissions)
