"""A clinic puts the thresholds that were fitted to it into use, or goes back to the ensemble's own."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, User
from accounts.permissions import Permission, require
from audit.notes import note_detail, note_object
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import Acceptance, AcceptanceSet, ThresholdDecision
from diagnosis.models.modality import Modality
from diagnosis.rules import thresholds

REASON_NEEDED = _("Say why, in one sentence at least.")
NOT_CLOSED = _("This set is not closed, so it has no thresholds.")
DECIDED = _(
    "Somebody has decided about the thresholds meanwhile. Look at how they stand now, and decide again if need be."
)
OWN_ALREADY = _("The shipped thresholds are in use. Nothing was changed.")
IN_USE_ALREADY = _("The thresholds of this set are in use. Nothing was changed.")


@transaction.atomic
def adopt_thresholds(*, by: User, of: AcceptanceSet, reason: str, seen: int) -> ThresholdDecision:
    """Answer "is this lung abnormal?" at the thresholds of a closed set from now on, in new analyses of its clinic.

    `seen`: the number of the newest decision that the person knew of, 0 for none. Raises PermissionDenied, Refusal
    where there is no reason or the thresholds cannot be applied to what is installed, and NotAllowedNow where somebody
    has decided meanwhile.
    """
    require(by, Permission.MANAGE_CLINIC, of.clinic)
    found = Acceptance.objects.filter(acceptance_set=of).select_related("acceptance_set").first()
    if found is None:
        raise NotAllowedNow("not_closed", NOT_CLOSED)
    if why := thresholds.objection(found):
        raise Refusal("not_applicable", why)
    return _decide(by, of.clinic, Modality(of.modality), found, reason, seen)


@transaction.atomic
def return_to_own_thresholds(
    *, by: User, clinic: Clinic, modality: Modality, reason: str, seen: int
) -> ThresholdDecision:
    """Answer at the ensemble's own thresholds again from now on. Raises as `adopt_thresholds`."""
    require(by, Permission.MANAGE_CLINIC, clinic)
    return _decide(by, clinic, modality, None, reason, seen)


def _decide(
    by: User, clinic: Clinic, modality: Modality, found: Acceptance | None, reason: str, seen: int
) -> ThresholdDecision:
    if not reason.strip():
        raise Refusal("reason_needed", REASON_NEEDED)
    # Results that are being kept are kept first; what is kept after this follows it (see hold_decisions).
    list(Clinic.objects.filter(pk=clinic.pk).select_for_update(no_key=True).values_list("pk"))
    now = thresholds.standing(clinic.pk, modality)
    if now.number != seen:
        raise NotAllowedNow("decided_meanwhile", DECIDED)
    if now.acceptance == found:
        raise NotAllowedNow("in_use_already", IN_USE_ALREADY if found else OWN_ALREADY)
    try:
        with transaction.atomic():
            made = ThresholdDecision.objects.create(
                clinic=clinic,
                modality=modality,
                number=seen + 1,
                acceptance=found,
                reason=reason.strip()[:400],
                made_by=by,
            )
    except IntegrityError as error:
        raise NotAllowedNow("decided_meanwhile", DECIDED) from error
    note_object("diagnosis.thresholddecision", made.pk)
    note_detail(
        clinic=str(clinic.pk),
        modality=modality.value,
        was=str(now.acceptance.acceptance_set_id) if now.acceptance else "own",
        thresholds=str(found.acceptance_set_id) if found else "own",
    )
    return made
