"""Every address of the portal, opened with something that exists, and what came of asking for it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

PAGE = Path(__file__).resolve().parent.parent / "docs" / "authorisation.md"
MADE_UP = {"UUIDConverter": str(uuid.UUID(int=1)), "IntConverter": "987654321", "SlugConverter": "nothing"}
# What an answer means for the one who asked.
ALLOWED, REFUSED, HIDDEN, SIGN_IN, NO_SUCH = "yes", "no", "hidden", "sign in", "–"
ONLY_FORMS = 405
# A page's own answer when an empty form is sent, or when the thing is in another state.
WENT_THROUGH = (200, 201, 202, 204, 206, 302, 304, 400, 409, 410, 412, 413, 415, 422, 423, 503)

HEAD = """# Who may open what

Every address of the portal and everybody who might ask for it. The addresses are those of the resolver. The answers
were given by the views themselves, to people of one clinic, of another and of none, about a patient of the first one.
`make docs` writes this page and a test compares it, so an address that is missing here fails.

| Word | Meaning |
| --- | --- |
| yes | the view did its work, or said what is wrong with an empty form |
| no | refused by role (403) |
| hidden | there is no such thing for this person (404) |
| sign in | sent to the sign-in, or 401 on the API |
| – | the address does not take this kind of client |

*Other clinic* stands for the five roles of another clinic; where they got different answers, all are listed. *Left*
was a radiologist of the clinic. *Site* is a superuser without a role in the clinic. A *token* is a radiologist's, of
the clinic and of the other one. Addresses are opened (GET); those that take forms alone are sent an empty one (POST).
"""


@dataclass(frozen=True)
class Route:
    name: str
    path: str
    arguments: tuple[str, ...]

    @property
    def is_api(self) -> bool:
        return self.name.startswith("api:")


def routes() -> list[Route]:
    """Each named address once. Those without a name are the administration's redirects and catch-alls."""
    found: dict[str, Route] = {}
    for spaces, path, pattern in _walk(get_resolver()):
        if pattern.name:
            name = ":".join((*spaces, pattern.name))
            kinds = tuple(type(one).__name__ for one in pattern.pattern.converters.values())
            found.setdefault(name, Route(name, path, kinds))
    return sorted(found.values(), key=lambda route: route.name)


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


def ask(client: Client, where: str) -> str:
    """What came of it; nothing that it changed remains."""
    answer = _rolled_back(lambda: client.get(where))
    if answer == (ONLY_FORMS, ""):
        answer = _rolled_back(lambda: client.post(where))
    return told(*answer)


def _rolled_back(send: Callable[[], Any]) -> tuple[int, str]:
    with transaction.atomic():
        answer = send()
        answer.getvalue()  # files are read to their end, and closed
        transaction.set_rollback(True)
    return answer.status_code, answer.headers.get("Location", "")


def told(status: int, location: str = "") -> str:
    """The word of the page. Anything else, a server's error above all, stands there as its number."""
    if status == 401 or (status == 302 and location.startswith(reverse(settings.LOGIN_URL))):
        return SIGN_IN
    if status in WENT_THROUGH:
        return ALLOWED
    return {403: REFUSED, 404: HIDDEN, ONLY_FORMS: NO_SUCH}.get(status, str(status))


def drawing(rows: dict[str, dict[str, str]], paths: dict[str, str]) -> str:
    """The page; `rows`: name of an address → actor → word."""
    columns = list(next(iter(rows.values())))
    head = f"| Address | {' | '.join(columns)} |\n| --- |{' --- |' * len(columns)}"
    lines = [f"| `{name}`<br>{_shown(paths[name])} | {' | '.join(cells.values())} |" for name, cells in rows.items()]
    return "\n".join([HEAD, f"{len(rows)} addresses.\n", head, *lines, ""])


def _shown(path: str) -> str:
    """A pattern with a bar, an angle or a dollar would break the table."""
    return path.replace("<", "‹").replace(">", "›").replace("|", "\\|").replace("^", "").replace("$", "") or "/"
