"""Second factors: who has one, codes, who must have one, and the reset for somebody who lost theirs."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts import second_factor
from accounts.models import User
from audit.models import AuditEvent

pytestmark = pytest.mark.django_db
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


@pytest.fixture
def careful(clinician: User) -> User:
    """Has an authenticator app and recovery codes."""
    totp.TOTP.activate(clinician, SECRET)
    RecoveryCodes.activate(clinician)
    return clinician


def test_a_reset_takes_every_factor_ends_every_session_and_is_told(
    careful: User, radiologist: User, admin_user: User, django_capture_on_commit_callbacks: Any
) -> None:
    there, colleague, administration = Client(), Client(), Client()
    for client, user in ((there, careful), (colleague, radiologist), (administration, admin_user)):
        client.force_login(user)
    assert [*second_factor.summary([careful, radiologist])] == [careful.pk]
    form = {"action": "reset_second_factor", "_selected_action": [careful.pk, radiologist.pk]}
    with django_capture_on_commit_callbacks(execute=True):
        answer = administration.post(reverse("admin:accounts_user_changelist"), form, follow=True)
    assert "The second factor of 1 person was reset." in answer.content.decode()
    assert not Authenticator.objects.exists()
    assert not second_factor.summary([careful])
    assert there.get(reverse("accounts:profile")).status_code == 302
    assert colleague.get(reverse("accounts:profile")).status_code == 200
    assert [message.to for message in mail.outbox] == [[careful.email]]
    told = AuditEvent.objects.get(detail__second_factor="reset")
    assert (told.person, told.object_id) == (admin_user.pk, str(careful.pk))
