"""What a search found as a Bundle, with the address of the next page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.http import QueryDict
from rest_framework.request import Request

from accounts.authentication import require_scopes
from accounts.models import ApiToken
from diagnosis.interchange.fhir.elements import Resource
from fhir import query
from fhir.catalogue import KINDS
from fhir.kinds import Entry, Found, Kind
from fhir.outcomes import outcome

IGNORED = "This server knows no parameter “%s” for this type. It was ignored, as the client wished."


def included(request: Request, kind: Kind, asked: query.Query, found: Found) -> list[Entry]:
    """What `_include` adds, each once; what the person may not see is not added."""
    wanted: dict[str, set[object]] = {}
    for name in asked.includes:
        of = kind.includes[name]
        wanted.setdefault(of.kind, set()).update(key for one in found.entries for key in of.keys(one.row))
    if isinstance(request.auth, ApiToken):
        require_scopes(request, request.auth, tuple(f"system/{name}.r" for name in wanted))
    return [one for name, keys in wanted.items() for one in KINDS[name].of_keys(request, keys)]


def bundle(
    found: Found,
    more: Sequence[Entry],
    *,
    base: str,
    address: str,
    sent: QueryDict,
    ignored: Sequence[str],
) -> Resource:
    """`base`: the server's address; `address`: the search's, which was `sent` these parameters."""
    links = [{"relation": "self", "url": _address(address, sent, leave_out=ignored)}]
    if found.next:
        links.append({"relation": "next", "url": _address(address, sent, leave_out=ignored, cursor=found.next)})
    entries = [*_entries(found.entries, "match", base), *_entries(more, "include", base), *_told(ignored, found)]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        **({"total": found.total} if found.total is not None else {}),
        "link": links,
        **({"entry": entries} if entries else {}),
    }


def _entries(found: Iterable[Entry], mode: str, base: str) -> list[Resource]:
    return [
        {
            "fullUrl": f"{base}/{one.resource['resourceType']}/{one.resource['id']}",
            "resource": one.resource,
            "search": {"mode": mode},
        }
        for one in found
    ]


def _told(ignored: Sequence[str], found: Found) -> list[Resource]:
    """What the client should know of the answer: parameters that were not obeyed, and resources that are withheld."""
    issues = [("not-supported", IGNORED % name) for name in ignored]
    issues += [("suppressed", sentence) for sentence in found.withheld]
    if not issues:
        return []
    return [{"resource": outcome(*issues, severity="warning"), "search": {"mode": "outcome"}}]


def _address(address: str, sent: QueryDict, *, leave_out: Sequence[str], cursor: str = "") -> str:
    kept = sent.copy()
    for name in leave_out:
        del kept[name]
    if cursor:
        kept[query.CURSOR] = cursor
    return f"{address}?{kept.urlencode(safe=':/')}" if kept else address
