"""An attacker who has taken over a decoder gets nowhere. `python -m tests.escape` prints the same as a table."""

import pytest

from ml.confinement import Layer, report_of_this_host
from ml.imaging import ImageRefused
from ml.imaging.sandbox import Isolation, Sandbox, SandboxFailed
from tests.attacker import ATTEMPTS
from tests.escape import SUCCEEDED, at_liberty, escape
from tests.running import CI
from tests.unit.ml.imaging.samples import grey_png

# What a host may forbid to everybody, so that it proves nothing there.
FORBIDDEN_TO_ALL = {
    "trace victim", "read memory of victim", "leave for new namespace", "mount", "raise limits", "read password file",
}  # fmt: skip
# What each layer stops when it stands alone, although neither limits nor the other layers do.
ALONE = {
    Layer.SYSTEM_CALLS: set(ATTEMPTS),
    Layer.LANDLOCK: {"truncate file", "make link", "rename file", "delete file", "signal victim", "trace victim"},
    Layer.NAMESPACES: {"truncate file", "change mode", "make link", "rename file", "delete file", "trace victim"},
}


def require(layer: Layer) -> None:
    """A layer that this host does not offer is said, and in CI is a failure: nothing passes in silence."""
    if reason := report_of_this_host().missing.get(layer):
        sentence = f"this host cannot block {sorted(ALONE[layer])} by {layer}: {reason}"
        (pytest.fail if CI and layer is Layer.SYSTEM_CALLS else pytest.skip)(sentence)


def test_every_attempt_succeeds_where_nothing_holds_the_attacker() -> None:
    outcomes = at_liberty()
    failed = {name: outcome for name, outcome in outcomes.items() if outcome != SUCCEEDED}
    assert outcomes.keys() == ATTEMPTS.keys()
    assert {name: outcome for name, outcome in failed.items() if name not in FORBIDDEN_TO_ALL} == {}


def test_no_attempt_succeeds_from_inside_the_helper() -> None:
    require(Layer.SYSTEM_CALLS)
    found = escape()
    assert len(found.outcomes) == len(ATTEMPTS) > 30
    assert found.succeeded == set()
    assert found.report == report_of_this_host()


@pytest.mark.parametrize("layer", Layer)
def test_each_layer_holds_by_itself(layer: Layer) -> None:
    require(layer)
    found = escape([layer])
    assert found.report.held == {layer}
    assert found.succeeded & ALONE[layer] == set()


def test_a_host_that_contains_nobody_decodes_nothing_where_that_is_required() -> None:
    strict = Sandbox(seconds=60, isolation=Isolation.REQUIRE, layers=[Layer.LANDLOCK])
    with pytest.raises(SandboxFailed, match="contain"):
        strict.inspect(grey_png())
    lenient = Sandbox(seconds=60, isolation=Isolation.BEST, layers=[])
    assert lenient.inspect(grey_png()).format == "png"
    assert not lenient.start().contains_attackers
    lenient.close()


def test_an_attacker_who_answers_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    nonsense = {"format": "png", "width": 10**9, "height": -1, "bits": "many", "header": {"modality": []}}
    sandbox = Sandbox()
    for answer in ({}, nonsense, {"refused": ["no-such-code", {}]}, {"refused": 3}, {"preview": [1, 2, 3]}):
        monkeypatch.setattr(sandbox, "_ask", lambda *_, said=answer, **__: (said, b"x" * 7, b"y" * 7))
        for ask in (sandbox.inspect, sandbox.decode, sandbox.greyscale):
            with pytest.raises(ImageRefused) as refused:
                ask(b"")
            assert refused.value.code == "decoder-crashed"
