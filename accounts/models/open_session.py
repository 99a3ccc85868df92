from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import models
from django.db.models import F, Func
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.browsers import name_of

if TYPE_CHECKING:
    from accounts.models.user import User


# How far `last_seen` may be behind.
LAG = timedelta(minutes=5)


class Digest(Func):
    """SHA-256 of a text, hexadecimal: what `accounts.models.api_token.digest` makes of it, inside the database."""

    function = "SHA256"
    arity = 1
    output_field = models.CharField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Django's own function needs the extension pgcrypto; this one is built in."""
        template = "encode(sha256(convert_to(%(expressions)s, 'UTF8')), 'hex')"
        return self.as_sql(compiler, connection, template=template, **context)


def _sessions() -> models.QuerySet[Any]:
    return Session.objects.annotate(key_digest=Digest(F("session_key")))


class OpenSessionQuerySet(models.QuerySet["OpenSession"]):
    def of(self, user: User) -> OpenSessionQuerySet:
        return self.filter(user_id=user.pk)

    def live(self) -> OpenSessionQuerySet:
        """Those whose session has neither ended nor expired nor idled too long, which its next request would tell."""
        alive = _sessions().filter(expire_date__gt=timezone.now()).values("key_digest")
        found = self.filter(digest__in=alive)
        if not settings.IDLE_SECONDS:
            return found
        return found.filter(last_seen__gt=timezone.now() - timedelta(seconds=settings.IDLE_SECONDS) - LAG)

    def end(self) -> int:
        """Sign these out, with their next request; returns how many were still open."""
        digests = list(self.values_list("digest", flat=True))
        ended, _each = _sessions().filter(key_digest__in=digests).delete()
        OpenSession.objects.filter(digest__in=digests).delete()
        return ended


class OpenSession(models.Model):
    """Where a person is signed in. It names the session by a digest of its key, which gives no way into it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="open_sessions", verbose_name=_("user")
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    agent = models.CharField(max_length=200, blank=True, help_text=_("What the browser says of itself."))
    address = models.CharField(_("network address"), max_length=45, blank=True)
    first_seen = models.DateTimeField(default=timezone.now)
    last_seen = models.DateTimeField(default=timezone.now)

    objects = OpenSessionQuerySet.as_manager()

    class Meta:
        ordering = ["-last_seen"]
        verbose_name = _("open session")
        verbose_name_plural = _("open sessions")

    def __str__(self) -> str:
        return f"{self.user}, {self.address}"

    @property
    def browser(self) -> str:
        return name_of(self.agent)
