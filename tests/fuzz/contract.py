"""The API against its own schema, as every role and as nobody: `python -m tests.fuzz --contract 100 --seed 1`.

Schemathesis makes requests from the OpenAPI schema, ones that fit it and ones that do not. Each is sent by a person of
every role and by nobody, about things of their own clinic, of another one and of none. Wrong is an error of the server,
an answer that the schema does not know, a row of the other clinic, and anything for nobody but the refusal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import requests
import schemathesis
from django.core.cache import cache
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.transport import Response
from schemathesis.openapi import checks as _  # noqa: F401  registers them
from schemathesis.specs.openapi import checks

from diagnosis.api.views.schema import Once
from tests.fuzz.requests import World, make_world

HOST = "http://testserver"
CHECKS: list[Any] = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
UNAVAILABLE = 503
# What a collection of the API holds → the subject of the world; parameters and fields are called by its singular.
KEPT = {
    "patients": "patient",
    "studies": "study",
    "series": "one-series",
    "images": "image",
    "scans": "scan",
    "analyses": "analysis",
    "predictions": "attention",
    "reviews": "review",
    "reports": "report",
    "orders": "order",
}
NOBODY = ""


@dataclass
class Contract:
    """Two clinics, and what was wrong with the answers to people of the first: the fault → how often."""

    own: World
    other: World
    answers: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    @cached_property
    def foreign(self) -> set[bytes]:
        """What names somebody or something of the other clinic."""
        patient = self.other.patient
        keys = [str(key) for name in KEPT.values() for key in self.other.subjects[name]]
        return {one.encode() for one in (*keys, patient.medical_record_number, patient.family_name)}

    def check(self, case: Any, chosen: str) -> None:
        """Send it as everybody. `chosen`: whose things it is about."""
        self._about(case, {"own": self.own, "other": self.other}.get(chosen))
        request = requests.Request(**_sendable(case)).prepare()
        for person in self.own.clients:
            self.answers += 1
            answer = self._sent(person, request)
            for fault in self._wrong(case, person, request, answer):
                self.faults[f"{case.method} {case.operation.path} as {person or 'nobody'}: {fault}"] += 1

    def lines(self) -> list[str]:
        each = [f"{count:6d} {fault}" for fault, count in sorted(self.faults.items())]
        return [*each, f"contract {self.answers} answers, {len(self.faults)} faults"]

    def _about(self, case: Any, world: World | None) -> None:
        if world is None:
            return
        kept = case.operation.path.split("/")[3]
        if kept in KEPT and case.path_parameters:
            case.path_parameters = {name: str(world.subjects[KEPT[kept]][0]) for name in case.path_parameters}
        for fields in (case.query, case.body):
            for name in {"patient", "study", "scan"} & set(fields if isinstance(fields, dict) else ()):
                fields[name] = str(world.subjects[name][0])

    def _sent(self, person: str, request: requests.PreparedRequest) -> Response:
        """Nothing that it changed remains."""
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in UNSENT}
        with transaction.atomic():
            answer = self.own.clients[person].generic(
                request.method or "", request.path_url, body, request.headers.get("Content-Type", ""), headers=headers
            )
            told = Response(
                answer.status_code,
                {name: [value] for name, value in answer.headers.items()},
                answer.getvalue(),
                request,
                elapsed=0.01,
                verify=False,
            )
            transaction.set_rollback(True)
        return told

    def _wrong(self, case: Any, person: str, request: requests.PreparedRequest, answer: Response) -> Iterator[str]:
        if answer.status_code >= 500 and answer.status_code != UNAVAILABLE:
            yield f"{answer.status_code}"
        if person == NOBODY and answer.status_code != 401 and not _is_sign_in(case):
            yield f"{answer.status_code} without a sign-in"
        sent = (request.url or "").encode() + (request.body if isinstance(request.body, bytes) else b"")
        if shown := [one for one in self.foreign if one in answer.content and one not in sent]:
            yield f"{shown} of the other clinic"
        yield from _against_the_schema(case, answer)


UNSENT = ("content-length", "content-type", "cookie", "authorization")


def _sendable(case: Any) -> dict[str, Any]:
    made = case.as_transport_kwargs(base_url=HOST)
    return {
        name: value
        for name, value in made.items()
        if name in ("method", "url", "params", "headers", "json", "data", "files")
    }


def _is_sign_in(case: Any) -> bool:
    return case.method == "POST" and case.operation.path.endswith("/tokens/")


def _against_the_schema(case: Any, answer: Response) -> Iterator[str]:
    try:
        case.validate_response(answer, checks=CHECKS)
    except FailureGroup as group:
        for failure in group.exceptions:
            yield f"{answer.status_code} {failure.title}: {' '.join(failure.message.split())[:300]}"


def run(contract: Contract, *, examples: int, seed_of: int, schema: dict[str, Any] | None = None) -> None:
    """`examples` requests that fit and as many that do not at each operation of `schema`, by default the API's own."""
    described = schemathesis.openapi.from_dict(schema or Once().get_schema())
    for found in described.get_all_operations():
        operation = found.ok()
        for mode in GenerationMode:
            _send(operation, mode, contract.check, examples, seed_of)
        cache.clear()


def _send(operation: Any, mode: GenerationMode, check: Callable[[Any, str], None], examples: int, seed_of: int) -> None:
    cases = st.tuples(operation.as_strategy(generation_mode=mode), st.sampled_from(("own", "other", "none")))

    @seed(seed_of)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def each(made: tuple[Any, str]) -> None:
        check(*made)

    each()


def make_contract() -> Contract:
    return Contract(make_world("fuzz"), make_world("elsewhere"))
