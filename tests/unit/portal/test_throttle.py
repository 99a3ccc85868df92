from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import RequestFactory
from pytest_django import Settings

from portal import throttle

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


def admitted(who: str = "192.0.2.1", name: str = "contact") -> bool:
    return throttle.admits(name, who, times=3, within=HOUR)


def test_admits_as_many_as_agreed_and_then_none() -> None:
    assert [admitted() for _ in range(5)] == [True, True, True, False, False]


def test_visitors_and_doings_are_counted_apart() -> None:
    for _ in range(3):
        admitted()
    assert not admitted()
    assert admitted("192.0.2.2")
    assert admitted(name="other")


def test_the_count_ends_with_the_window() -> None:
    admitted()
    assert 0 < cache._cache.get_client().ttl(cache.make_key("throttle:contact:192.0.2.1")) <= HOUR.total_seconds()


def test_without_the_cache_everybody_is_admitted(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "unix:///nowhere/broker.sock?db=1",
        }
    }
    assert [admitted() for _ in range(5)] == [True] * 5
    assert "cannot be reached" in caplog.text


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.77", "192.0.2.77"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
    ],
)
def test_a_visitor_is_an_address_or_a_network(address: str, counted_as: str) -> None:
    assert throttle.visitor(RequestFactory().get("/", REMOTE_ADDR=address)) == counted_as


def test_a_forwarded_address_counts_only_behind_a_declared_proxy(settings: Settings) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR="203.0.113.9, 198.51.100.4")
    assert throttle.visitor(request) == "192.0.2.1"
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert throttle.visitor(request) == "198.51.100.4"
