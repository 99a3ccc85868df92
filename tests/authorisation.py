"""Every address of the portal, opened with something that exists, and what came of asking for it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.template.backends.base import BaseEngine
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.utils.safestring import mark_safe
from rest_framework.views import APIView

PAGE = Path(__file__).resolve().parent.parent / "docs" / "authorisation.md"
MADE_UP = {"UUIDConverter": str(uuid.UUID(int=1)), "IntConverter": "987654321", "SlugConverter": "nothing"}
# What an answer means for the one who asked. Anything else stands in the page as its number.
ALLOWED, REFUSED, HIDDEN, SIGN_IN, LED, NO_METHOD, AS_AT_HOME = "y", "n", "·", "s", "→", "–", "="
LETTERS = (ALLOWED, REFUSED, HIDDEN, SIGN_IN, LED, NO_METHOD, AS_AT_HOME)
# The method is not known, or the view's own answer to an empty form, or to a thing in another state.
WENT_THROUGH = (200, 201, 202, 204, 206, 302, 304, 400, 409, 410, 412, 413, 415, 422, 423, 503)
SIGN_IN_AT = (reverse(settings.LOGIN_URL), reverse("admin:login"))
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

HEAD = """# Who may open what

Every address of the portal, asked by everybody who might ask for it. The addresses are those of the resolver, and the
answers are those of the views, about a patient of one clinic. `make docs` writes this page and a test compares it:
an address that is missing here fails.

| Letter | Meaning |
| --- | --- |
| y | the view did its work, or said what is wrong with an empty form or with the state of the thing |
| n | refused to this role (403) |
| · | there is no such thing for this person (404) |
| s | sent to the sign-in, or 401 on the API |
| → | led to another page (302 for GET) |
| – | the address does not take this method from them (405) |
| = | not asked: without a key in its address it is about their own clinic, as at home |

| Column | Who asks |
| --- | --- |
| any | somebody who has not signed in |
| Rg, Cl, Tr, Rd, Ad | radiographer, clinician, radiologist in training, radiologist, administrator of the clinic |
| Rg′, Cl′, Tr′, Rd′, Ad′ | the same of another clinic |
| left | who was a radiologist of the clinic |
| site | a superuser without a role in the clinic |

What belongs to one person (a notification, a token, a saved filter, a reading) is the radiologist's here. A person whom
an address names is another radiologist of the clinic. Forms are sent empty, by people who have signed in just now; what
concerns their own second factor asks them for the password first (→).
"""


@dataclass(frozen=True)
class Route:
    name: str
    path: str
    arguments: tuple[str, ...]
    methods: tuple[str, ...] = METHODS[:2]

    @property
    def is_api(self) -> bool:
        return self.name.startswith(("api:", "fhir:"))


def routes() -> list[Route]:
    """Each named address once. Those without a name are the administration's redirects and catch-alls."""
    found: dict[str, Route] = {}
    for spaces, path, pattern in _walk(get_resolver()):
        if pattern.name:
            name = ":".join((*spaces, pattern.name))
            kinds = tuple(type(one).__name__ for one in pattern.pattern.converters.values())
            found.setdefault(name, Route(name, path, kinds, _methods(pattern.callback)))
    return sorted(found.values(), key=lambda route: route.name)


def _methods(view: Any) -> tuple[str, ...]:
    """What a class takes; of a function it shows when it is asked."""
    made_of = getattr(view, "view_class", None)
    taken = tuple(one for one in METHODS if hasattr(made_of, one.lower()))
    # A form of Django takes PUT too, as another name of POST.
    return taken if made_of and issubclass(made_of, APIView) else METHODS[:2]


def _walk(resolver: URLResolver, spaces: tuple[str, ...] = (), path: str = "") -> Iterator[tuple[Any, str, URLPattern]]:
    for pattern in resolver.url_patterns:
        below = path + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern, (*spaces, pattern.namespace) if pattern.namespace else spaces, below)
        else:
            yield spaces, below, pattern


def address(route: Route, known: Callable[[str], str]) -> str:
    """Of something that exists where `known` has it, else of something made up."""
    try:
        return known(route.name)
    except (AssertionError, NoReverseMatch):
        return _made_up(route)


def _made_up(route: Route) -> str:
    try:
        return reverse(route.name, args=[MADE_UP.get(kind, "nothing") for kind in route.arguments])
    except NoReverseMatch:
        return reverse(route.name, kwargs={"uidb36": "1", "key": "nothing"})


class Unrendered(BaseEngine):
    """Templates that say nothing: a view decides before it draws, and drawing takes most of the time."""

    app_dirname = "templates"

    def __init__(self, params: dict[str, Any]) -> None:
        params.pop("OPTIONS")
        super().__init__(params)

    def get_template(self, template_name: str) -> Unrendered:
        return self

    def render(self, context: Any = None, request: Any = None) -> str:
        return mark_safe("")


def ask(client: Client, method: str, where: str) -> str:
    """What came of it; nothing that it changed remains, neither rows nor who is signed in."""
    cookies = deepcopy(client.cookies)  # a shallow one would change along
    with transaction.atomic():
        answer = client.generic(method, where, *(("{}", "application/json") if method != "GET" else ()))
        if answer.streaming:
            answer.getvalue()  # to its end, which closes the file
        transaction.set_rollback(True)
    client.cookies = cookies
    return told(method, answer.status_code, answer.headers.get("Location", ""))


def told(method: str, status: int, location: str = "") -> str:
    if status == 401 or (status == 302 and location.startswith(SIGN_IN_AT)):
        return SIGN_IN
    if status == 302 and method == "GET":
        return LED
    if status in WENT_THROUGH:
        return ALLOWED
    return {403: REFUSED, 404: HIDDEN, 405: NO_METHOD}.get(status, str(status))


# Address and method → who asks → the letter.
Matrix = dict[tuple[Route, str], dict[str, str]]


def drawing(matrix: Matrix) -> str:
    """The page. Methods of an address that everybody gets the same answer to share a row."""
    shared: dict[tuple[Route, tuple[str, ...]], list[str]] = {}
    for (route, method), letters in matrix.items():
        shared.setdefault((route, tuple(letters.values())), []).append(method)
    columns = list(next(iter(matrix.values())))
    head = f"| Address | Method | {' | '.join(columns)} |\n| --- | --- |{' :-: |' * len(columns)}"
    rows = [f"| {_shown(route)} | {', '.join(sent)} | {' | '.join(got)} |" for (route, got), sent in shared.items()]
    addresses = len({route for route, _ in matrix})
    return "\n".join([HEAD, f"{addresses} addresses, {cells(matrix)} cells.\n", head, *rows, ""])


def cells(matrix: Matrix) -> int:
    """How many answers were given."""
    return sum(letter != AS_AT_HOME for letters in matrix.values() for letter in letters.values())


def _shown(route: Route) -> str:
    """A pattern with a bar, an angle or a dollar would break the table."""
    path = route.path.translate({ord("<"): "‹", ord(">"): "›", ord("|"): "\\|", ord("^"): None, ord("$"): None})
    return f"`{route.name}`<br>/{path}"
