"""At which thresholds a clinic answers "is this lung abnormal?": those fitted to it, or the ensemble's own.

A decision stands until there is another one, but its thresholds are applied only to the answers of exactly what its
acceptance measured. That is asked anew each time, so it ends by itself when something else is installed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from diagnosis.models import Acceptance, ThresholdDecision
from diagnosis.models.modality import Modality
from diagnosis.rules import acceptance, acceptance_seal
from diagnosis.rules.acceptance import CONFORMAL, Measured
from ml.spec import Zone, zone_of

log = logging.getLogger(__name__)

BROKEN_SEAL = _("The seal of this set is not genuine.")
EARLIER_RULE = _(
    "The thresholds of this set were fitted by the rule of an earlier version, which promises nothing of later cases. "
    "Close a new set."
)
NEVER_NEGATIVE = _(
    "The thresholds of this set leave no zone in which the answer is “not abnormal”: the classifiers do not tell the "
    "cases of this site apart."
)
OTHERS_INSTALLED = _(
    "What is installed is not what this set measured: name, version, weights and thresholds have to be the same."
)


@dataclass(frozen=True)
class SiteThresholds:
    """Those that an acceptance fitted. Below `lower` lies the negative zone, from `upper` on the positive one, 0 to 1.

    `fitted`: the figures of the fit as they were sealed; `facts`: which acceptance it was, as results keep it.
    """

    lower: float
    upper: float
    fitted: Mapping[str, Any]
    facts: Mapping[str, Any]

    @classmethod
    def of(cls, one: Acceptance) -> Self:
        said = one.content["figures"]
        facts = {
            "acceptance": str(one.acceptance_set_id),
            "sha256": one.content_sha256,
            "closed_at": one.content["closed_at"],
            "abnormal": said["abnormal"],
            "normal": said["normal"],
        }
        return cls(said["fitted"]["lower"], said["fitted"]["upper"], said["fitted"], facts)

    def zone(self, probability: float) -> Zone:
        """Raises ValueError for what is no probability."""
        return zone_of(probability, self.lower, self.upper)

    def in_place_of(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """The operating point that a result keeps which was made at these thresholds; `own` is the ensemble's.

        Labels and calibration are the ensemble's. Sensitivity and specificity are those of cross-fitting, the only ones
        that were measured here; the ensemble's, and those by source, are of other thresholds and left out.
        """
        measured, facts = self.fitted["cross_fitted"], self.facts
        at_lower, at_upper = _rates(measured["lower"]), _rates(measured["upper"])
        aims = self.fitted["aims"]
        return {
            **{name: own[name] for name in ("labels", "slope", "intercept")},
            "threshold": self.lower,
            "abnormal_from": self.upper,
            "chosen_for": f"sensitivity {aims['sensitivity']} of the lower threshold, specificity "
            f"{aims['specificity']} of the upper one, conformal, on acceptance set {facts['acceptance']} of the clinic",
            **at_lower,
            "sources": {},
            "measured_on": f"cross-fitting on acceptance set {facts['acceptance']} of the clinic ({facts['abnormal']} "
            f"abnormal and {facts['normal']} other cases), closed {facts['closed_at'][:10]}",
            "positive_zone": at_upper,
            "site": dict(facts),
        }


def _rates(measured: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    shares = {name: measured[name] for name in ("sensitivity", "specificity")}
    return {name: {end: share[end] for end in ("value", "low", "high")} for name, share in shares.items()}


@dataclass(frozen=True)
class Standing:
    """What was decided last, None: nothing; and where it named an acceptance whose thresholds are not applied now, why
    not.
    """

    decision: ThresholdDecision | None
    objection: Promise | None = None

    @property
    def number(self) -> int:
        """Of the decision; 0 where there is none."""
        return self.decision.number if self.decision else 0

    @property
    def acceptance(self) -> Acceptance | None:
        """Whose thresholds were decided on, whether they are applied or not."""
        return self.decision.acceptance if self.decision else None

    @property
    def site(self) -> SiteThresholds | None:
        """What is applied now in place of the ensemble's own."""
        return SiteThresholds.of(self.acceptance) if self.acceptance and not self.objection else None


def standing(clinic: UUID, modality: Modality) -> Standing:
    """Of what is installed here."""
    found = _newest(clinic, modality)
    if found is None or found.acceptance is None:
        return Standing(found)
    return Standing(found, objection(found.acceptance))


def objection(one: Acceptance) -> Promise | None:
    """Why its thresholds cannot be applied to what is installed here; None where they can."""
    return _against(one, acceptance.installed().get(Modality(one.acceptance_set.modality)))


def applied(clinic: UUID, modality: Modality, answered: Measured) -> SiteThresholds | None:
    """Those of the clinic that hold for what has `answered`; None: the ensemble's own hold."""
    found = _newest(clinic, modality)
    if found is None or found.acceptance is None:
        return None
    if why := _against(found.acceptance, answered):
        log.warning("the thresholds of acceptance set %s are not applied: %s", found.acceptance.acceptance_set_id, why)
        return None
    return SiteThresholds.of(found.acceptance)


def _newest(clinic: UUID, modality: Modality) -> ThresholdDecision | None:
    found = ThresholdDecision.objects.filter(clinic=clinic, modality=modality)
    return found.select_related("acceptance__acceptance_set", "made_by").first()


def _against(one: Acceptance, answering: Measured | None) -> Promise | None:
    if not acceptance_seal.holds(one):
        return BROKEN_SEAL
    fitted = one.content["figures"]["fitted"]
    if fitted.get("rule") != CONFORMAL:
        return EARLIER_RULE
    if not fitted["lower"] > 0:
        return NEVER_NEGATIVE
    return None if Measured.sealed(one.content) == answering else OTHERS_INSTALLED
