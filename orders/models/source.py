from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic
from network.models.addresses import validate_networks, validate_title
from network.models.sending_system import SendingSystem, SendingSystemQuerySet


class OrderSourceQuerySet(SendingSystemQuerySet["OrderSource"]):
    def with_fhir(self) -> OrderSourceQuerySet:
        """Those that may place orders over FHIR."""
        return self.active().exclude(fhir_system="")

    def with_worklist(self) -> OrderSourceQuerySet:
        """Those that are asked what is scheduled."""
        return self.active().exclude(worklist_host="")


class OrderSource(SendingSystem):
    """A system (a RIS, a record) that places orders for one clinic: by HL7 messages, over FHIR, by its worklist."""

    account_domain = "orders.invalid"

    clinic = models.ForeignKey(Clinic, verbose_name=_("clinic"), on_delete=models.PROTECT, related_name="order_sources")
    name = models.CharField(_("name"), max_length=120, help_text=_("As people of the clinic know the system."))
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Only then is it listened to, and asked for its worklist.")
    )
    assigning_authority = models.CharField(
        _("assigning authority"),
        max_length=120,
        blank=True,
        help_text=_(
            "Whose record numbers are this clinic’s, as its messages say in PID-3. Empty: they say none, or one only."
        ),
    )
    networks = models.TextField(
        _("addresses"),
        validators=[validate_networks],
        max_length=2000,
        blank=True,
        help_text=_("Addresses or networks from which it sends HL7 messages, one a line. Empty: it sends none."),
    )
    fhir_system = models.CharField(
        _("system of its order numbers in FHIR"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        validators=[
            RegexValidator(r"\A[A-Za-z][A-Za-z0-9+.-]*:[^\s|,]+\Z", _("Write a URI, such as urn:oid:2.999.1."))
        ],
        help_text=_("The URI that an order’s identifier names. Empty: it places no orders over FHIR."),
    )
    worklist_host = models.CharField(
        _("host of the worklist"), max_length=120, blank=True, help_text=_("Name or address. Empty: it has none.")
    )
    worklist_port = models.PositiveIntegerField(
        _("port of the worklist"), default=104, validators=[MaxValueValidator(65535)]
    )
    worklist_title = models.CharField(
        _("AE title of the worklist"), max_length=16, blank=True, validators=[validate_title]
    )
    asked_at = models.DateTimeField(_("worklist last asked"), null=True, blank=True, editable=False)
    failure = models.CharField(
        _("last failure"), max_length=120, blank=True, editable=False, help_text=_("of the worklist; empty: none")
    )
    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, editable=False, on_delete=models.PROTECT, related_name="order_source"
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = OrderSourceQuerySet.as_manager()

    class Meta:
        verbose_name = _("ordering system")
        verbose_name_plural = _("ordering systems")
        ordering = ["clinic__name", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "name"],
                name="one_order_source_per_name_and_clinic",
                violation_error_message=_("This clinic already has an ordering system of this name."),
            ),
            models.UniqueConstraint(
                fields=["clinic", "fhir_system"],
                condition=~Q(fhir_system=""),
                name="one_order_source_per_fhir_system_and_clinic",
                violation_error_message=_("Another ordering system of this clinic has these order numbers."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """An address that were two systems' would be nobody's: a message does not prove who sends it."""
        if self.worklist_host and not self.worklist_title:
            raise ValidationError({"worklist_title": _("Say by which AE title the worklist is called.")})
        if self.shares_addresses(OrderSource.objects.exclude(networks="")):
            raise ValidationError({"networks": _("Another ordering system sends from these addresses.")})
