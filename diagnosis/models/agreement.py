from django.db import models
from django.utils.translation import gettext_lazy as _


class Agreement(models.TextChoices):
    """How a reader's category stands to the classifiers' result. Derived from the two, never asked."""

    AGREES = "agrees", _("Category and result agree")
    DIFFERS = "differs", _("Category and result contradict each other")
    OPEN = "open", _("The result leaves the category open")
