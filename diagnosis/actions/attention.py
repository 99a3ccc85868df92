from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from accounts.models import User
from accounts.permissions import Permission, require
from diagnosis import tasks
from diagnosis.errors import NotAllowedNow, TooManyTries
from diagnosis.models import Drawing, ImageResult, Scan
from diagnosis.models.attention import DrawingStatus
from diagnosis.rules import blinding, policies

NOT_CLASSIFIED = gettext_noop("The classifiers did not answer for this image, so there is nothing to draw.")
TOO_MANY = gettext_noop("Many attention maps are being drawn already. Wait until they are there, then ask again.")
# Of one clinic at the same time: each takes a worker for about a second.
MOST_OPEN = 50


def request_attention(*, by: User, image: Scan) -> Drawing:
    """Have the attention maps of an image of a study's latest result drawn; the same ones where they were asked for.

    Raises PermissionDenied where the result is hidden from `by`, NotAllowedNow where there is none for this image.
    """
    require(by, Permission.VIEW_RESULT, image.clinic)
    if blinding.hides_result(by, image.study_id):
        raise PermissionDenied(gettext(blinding.RESULT_HIDDEN))
    result = policies.result_of(image)
    answered = ImageResult.objects.filter(analysis=result, image=image, probability__isnull=False)
    if result is None or not answered.exists():
        raise NotAllowedNow("not_classified", NOT_CLASSIFIED)
    known = Drawing.objects.filter(analysis=result, image=image)
    if not known.exists() and Drawing.objects.in_clinic(image.clinic).open().count() >= MOST_OPEN:
        raise TooManyTries("too_many_drawings", TOO_MANY)
    with transaction.atomic():
        drawing, made = Drawing.objects.get_or_create(analysis=result, image=image, defaults={"requested_by": by})
        now = timezone.now()
        again = known.filter(status=DrawingStatus.FAILED).update(
            status=DrawingStatus.QUEUED, failure_code="", failure_params={}, attempts=0, enqueued_at=None, used_at=now
        )
        if made or again:
            transaction.on_commit(lambda: tasks.enqueue_drawing(drawing.pk), robust=True)
        else:
            known.update(used_at=now)
    drawing.refresh_from_db()
    return drawing
