"""A small slice of `python -m tests.fuzz --contract`, and that it would notice."""

from __future__ import annotations

from copy import deepcopy

import pytest

from diagnosis.api.views.schema import Once

SEED, EXAMPLES = 20261126, 2


@pytest.mark.django_db
def test_every_answer_is_what_the_schema_says() -> None:
    # Its imports take seconds, which other tests of the process would pay too.
    from tests.fuzz import contract

    made = contract.make_contract()
    contract.run(made, examples=EXAMPLES, seed_of=SEED)
    assert made.answers > 800
    assert not made.faults, "\n".join(made.lines())

    # A schema that is wrong, and a clinic whose rows count as another one's.
    path, schema = "/api/v1/patients/{id}/", deepcopy(Once().get_schema())
    schema["paths"] = {path: {"get": schema["paths"][path]["get"]}}
    schema["components"]["schemas"]["Patient"]["properties"]["family_name"] = {"type": "integer"}
    broken = contract.Contract(made.own, made.own)
    contract.run(broken, examples=EXAMPLES, seed_of=SEED, schema=schema)
    assert any("violates schema" in fault for fault in broken.faults)
    assert any(made.own.patient.medical_record_number in fault for fault in broken.faults)
