"""Who hears of the reports on an examination besides its uploader."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop

from accounts.models import User
from accounts.permissions import Permission, allowed, require
from diagnosis.errors import Refusal
from diagnosis.models import Follow, Patient, Study

NOT_A_COLLEAGUE = gettext_noop("That person may not read results in this clinic. Choose another one.")


def follow(*, by: User, of: Patient | Study) -> None:
    """Hear of every report that is signed on it from now on. Following twice is following."""
    require(by, Permission.VIEW_RESULT, of.clinic)
    with transaction.atomic():
        Follow.objects.get_or_create(user=by, **_named(of))


def unfollow(*, by: User, of: Patient | Study) -> None:
    Follow.objects.filter(user=by, **_named(of)).delete()


def follows(user: User, of: Patient | Study) -> bool:
    return Follow.objects.filter(user=user, **_named(of)).exists()


def name_orderer(*, by: User, study: Study, orderer: User | None) -> None:
    """Say which member of the clinic ordered the examination: they hear of its report. None: nobody here."""
    require(by, Permission.UPLOAD_SCAN, study.clinic)
    if orderer and not allowed(orderer, Permission.VIEW_RESULT, study.clinic):
        raise Refusal("not_a_colleague", NOT_A_COLLEAGUE)
    Study.objects.filter(pk=study.pk).update(ordered_by=orderer)


def _named(of: Patient | Study) -> dict[str, Any]:
    return {"patient" if isinstance(of, Patient) else "study": of}
