"""When a row's resource changed last, as an annotation: the latest of the times of all that it is made of."""

from __future__ import annotations

from typing import Any

from django.db.models import DateTimeField, F, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest

from diagnosis.models import ClassifierRule, Correction
from orders.models import OrderTransition


def latest(own: str, *others: Any) -> Any:
    """`own`: the field that always has a time. A database may say that nothing is greater than what is missing."""
    if not others:
        return F(own)
    return Greatest(F(own), *(Coalesce(one, F(own)) for one in others), output_field=DateTimeField())


def newest(kind: type[Model], field: str, **of: str) -> Any:
    """The latest `field` of the rows of `kind` whose fields name the outer row's."""
    rows: QuerySet[Any] = kind._base_manager.filter(**{name: OuterRef(path) for name, path in of.items()})
    return Subquery(rows.order_by(F(field).desc(nulls_last=True)).values(field)[:1], output_field=DateTimeField())


def corrected(patient: str) -> tuple[Any, Any]:
    """When images last came to the patient or left: whose a study is may have changed then."""
    about = Q(target=OuterRef(patient)) | Q(source=OuterRef(patient))
    return tuple(  # type: ignore[return-value]
        Subquery(
            Correction.objects.filter(about).order_by(F(name).desc(nulls_last=True)).values(name)[:1],
            output_field=DateTimeField(),
        )
        for name in ("made_at", "undone_at")
    )


def ruled(clinic: str, about: Q | None = None) -> Any:
    """When somebody decided last about a classifier in the row's clinic or everywhere: a result may be marked since.

    `about`: of which subjects; all where it is not said.
    """
    rules = ClassifierRule.objects.filter(Q(clinic=None) | Q(clinic=OuterRef(clinic)))
    if about is not None:
        rules = rules.filter(about)
    return Subquery(rules.order_by("-made_at").values("made_at")[:1], output_field=DateTimeField())


def ordered(clinic: str, accession_number: str) -> Any:
    """When an order with the row's accession number moved last: it may have come to the row or left it."""
    moves = OrderTransition.objects.filter(
        order__clinic=OuterRef(clinic), order__accession_number=OuterRef(accession_number)
    )
    moves = moves.exclude(order__accession_number="")
    return Subquery(moves.order_by("-at").values("at")[:1], output_field=DateTimeField())
