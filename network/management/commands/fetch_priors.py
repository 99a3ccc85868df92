"""Ask archives for earlier studies until nothing is due: `python manage.py fetch_priors`. A worker starts it."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand

from network import retrieving, tasks


class Command(BaseCommand):
    help = "Ask archives for earlier studies of patients whose study came in, and fetch them, until nothing is due."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        # What is written is for this account alone.
        os.umask(0o077)
        retrieving.retrieve_some(arrived=tasks.wake)
