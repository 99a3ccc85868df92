"""What stands between a file from outside and the portal, as this server offers it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from ml.confinement import Layer, report_of_this_host

WORDS = {
    Layer.SYSTEM_CALLS: _("It can open no file and no connection, and start no program (seccomp)."),
    Layer.LANDLOCK: _("Files, network and signals are refused once more (Landlock)."),
    Layer.NAMESPACES: _("Its network and its file system are its own, and empty (namespaces)."),
}


@dataclass(frozen=True)
class Protection:
    """`layers`: what each does, and "" where it holds, else the server's reason. `contains`: that is enough."""

    layers: list[tuple[str, str]]
    contains: bool


def protection() -> Protection:
    """Tried once in each web process, and remembered."""
    report = report_of_this_host()
    reasons = report.as_note()
    return Protection([(str(WORDS[layer]), reasons[layer]) for layer in Layer], report.contains_attackers)
