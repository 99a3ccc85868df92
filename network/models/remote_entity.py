from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic
from network.models.addresses import validate_networks, validate_title
from network.models.sending_system import SendingSystem, SendingSystemQuerySet


class PriorsBy(models.TextChoices):
    """How earlier studies are fetched from an archive."""

    NONE = "", _("It is not asked")
    GET = "get", _("C-GET: on the association that asks")
    MOVE = "move", _("C-MOVE: it sends them to the listener")


class RemoteEntityQuerySet(SendingSystemQuerySet["RemoteEntity"]):
    def sources(self) -> RemoteEntityQuerySet:
        """The archives that are asked for priors."""
        return self.active().exclude(priors_by=PriorsBy.NONE)


class RemoteEntity(SendingSystem):
    """An application entity (a modality, a workstation, an archive) that may send images of one clinic."""

    account_domain = "dicom.invalid"

    clinic = models.ForeignKey(
        Clinic, verbose_name=_("clinic"), on_delete=models.PROTECT, related_name="remote_entities"
    )
    title = models.CharField(
        _("AE title"), max_length=16, validators=[validate_title], help_text=_("By which it calls; case counts.")
    )
    networks = models.TextField(
        _("addresses"),
        validators=[validate_networks],
        max_length=2000,
        help_text=_("Addresses or networks from which it calls, one a line: 192.0.2.17 or 192.0.2.0/24."),
    )
    report_port = models.PositiveIntegerField(
        _("port for reports"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(65535)],
        help_text=_(
            "Where it listens, at the address from which it asked, to be told that its images are kept (storage "
            "commitment). Empty: only while its association is open."
        ),
    )
    report_tls = models.BooleanField(
        _("reports encrypted (TLS)"),
        default=False,
        db_default=False,
        help_text=_("Its certificate must name the address from which it asked."),
    )
    priors_by = models.CharField(
        _("priors"),
        max_length=4,
        choices=PriorsBy.choices,
        blank=True,
        default=PriorsBy.NONE,
        db_default=PriorsBy.NONE,
        help_text=_("Whether earlier studies of a patient are asked for there (C-FIND) when a new one comes, and how."),
    )
    query_host = models.CharField(
        _("host for queries"),
        max_length=253,
        blank=True,
        default="",
        db_default="",
        help_text=_("Name or address at which it is asked."),
    )
    query_port = models.PositiveIntegerField(
        _("port for queries"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    query_tls = models.BooleanField(_("queries encrypted (TLS)"), default=False, db_default=False)
    patient_issuer = models.CharField(
        _("issuer of record numbers"),
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text=_(
            "Whose record numbers are this clinic’s, as the archive says in Issuer of Patient ID. A study that names "
            "another issuer is not fetched. Empty: it is not compared."
        ),
    )
    priors_most = models.PositiveSmallIntegerField(
        _("most priors"),
        default=3,
        db_default=3,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text=_("Of each patient, the newest earlier studies; those that are here count."),
    )
    description = models.CharField(_("description"), max_length=120, blank=True)
    is_active = models.BooleanField(_("active"), default=True, help_text=_("Only then are its associations accepted."))
    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, editable=False, on_delete=models.PROTECT, related_name="remote_entity"
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = RemoteEntityQuerySet.as_manager()

    class Meta:
        verbose_name = _("remote application entity")
        verbose_name_plural = _("remote application entities")
        ordering = ["clinic__name", "title"]
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "title"],
                name="one_remote_entity_per_title_and_clinic",
                violation_error_message=_("This clinic already has an entity with this AE title."),
            )
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        """One caller must not be two clinics': nobody could say whose images it sends."""
        self._clean_queries()
        if self.shares_addresses(RemoteEntity.objects.filter(title=self.title)):
            raise ValidationError({"networks": _("Another entity of this AE title calls from these addresses.")})

    def _clean_queries(self) -> None:
        needed = _("An archive that is asked for priors needs this.")
        missing = [name for name in ("query_host", "query_port") if self.priors_by and not getattr(self, name)]
        if missing:
            raise ValidationError(dict.fromkeys(missing, needed))
        if self.priors_by and not settings.PRIORS_PER_HOUR:
            raise ValidationError({"priors_by": _("No archive is asked here (PRIORS_PER_HOUR is 0).")})
        if self.priors_by == PriorsBy.MOVE and not settings.DICOM_PORT:
            raise ValidationError({"priors_by": _("C-MOVE needs the listener, which is off here (DICOM_PORT).")})

    @property
    def account_name(self) -> str:
        return f"{self.title} (DICOM)"

    @property
    def service(self) -> str:
        """By which its images come: one without an address stands for the programs that send over HTTP."""
        return "DICOM C-STORE" if self.networks else "DICOMweb STOW-RS"
