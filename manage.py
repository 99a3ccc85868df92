#!/usr/bin/env python3
"""Command line of the portal."""

import os
import sys
from pathlib import Path

# These write files of the project itself, which other accounts (a container's, for example) must be able to read.
WRITE_SOURCES = {"collectstatic", "compilemessages", "draw_states", "makemessages", "makemigrations", "messages"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    if not WRITE_SOURCES & set(sys.argv[1:2]):
        os.umask(0o077)  # whatever else it writes holds patients' data, or the way to it
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except Exception as error:
        if sentence := _about_the_disk(error):
            sys.exit(sentence)
        raise


def _about_the_disk(error: Exception) -> str | None:
    from portal.disk_errors import disk_sentence

    default = Path(__file__).resolve().parent / "var"
    # Not from the settings: they may be what could not be read.
    return disk_sentence(error, var=Path(os.environ.get("PORTAL_VAR", default)))


if __name__ == "__main__":
    main()
