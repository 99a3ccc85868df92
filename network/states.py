"""The states of a retrieval of priors, and what leads from one to another."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from diagnosis.states import Moves


class RetrievalStatus(models.TextChoices):
    WANTED = "wanted", _("To be asked for")
    FETCHING = "fetching", _("Being fetched")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


_R = RetrievalStatus
RETRIEVAL_MOVES: Moves = {
    _R.WANTED: {
        _R.FETCHING: "the archive names studies that are not here",
        _R.DONE: "the archive names none",
        _R.FAILED: "the archive names another person or will not answer, or nothing may be asked",
    },
    _R.FETCHING: {
        _R.DONE: "all of them came",
        _R.FAILED: "the archive will not send them, or was away too often",
    },
    _R.DONE: {_R.WANTED: "a person asks once more"},
    _R.FAILED: {_R.WANTED: "a person asks once more"},
}
OPEN = (_R.WANTED, _R.FETCHING)
