"""What is pinned, and what must never be."""

import re
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ["requirements.txt", *(f"requirements/{part}.txt" for part in ("web", "worker", "train", "dev", "uv"))]
# Under the GPL, run as programs on the developer's machine: never imported, never shipped.
TOOLS = {"djhtml"}
HEAVY = {"tensorflow", "keras", "jax", "torch", "scipy", "matplotlib", "scikit-learn"}


def pinned(lock: str) -> dict[str, str]:
    """Name → version(s) of each pin of a lock; a name may have one version for each Python."""
    found: dict[str, str] = {}
    for name, version in re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE):
        found[name] = f"{found.get(name, '')} {version}".strip()
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock: str) -> None:
    text = (ROOT / lock).read_text()
    blocks = re.split(r"^(?=[a-z0-9._-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(blocks) >= 1
    assert all("--hash=sha256:" in block for block in blocks)


@pytest.mark.parametrize("lock", LOCKS)
def test_names_no_place_but_the_public_index(lock: str) -> None:
    assert not re.search(r"--(extra-)?index-url|--find-links|file:|https?:", (ROOT / lock).read_text())


@pytest.mark.parametrize("lock", LOCKS)
def test_never_psycopg_3(lock: str) -> None:
    """Django silently prefers it to psycopg2 as soon as it can be imported."""
    assert "psycopg" not in pinned(lock)


def test_web_carries_no_engine() -> None:
    assert not (HEAVY | {"openvino"}) & pinned("requirements/web.txt").keys()


def test_worker_carries_no_training() -> None:
    assert not HEAVY & pinned("requirements/worker.txt").keys()
    assert "openvino" in pinned("requirements/worker.txt")


@pytest.mark.parametrize("part", ["web", "worker", "train", "dev"])
def test_parts_agree_with_the_whole(part: str) -> None:
    whole = pinned("requirements.txt")
    assert pinned(f"requirements/{part}.txt").items() <= whole.items()


def test_every_requirement_says_why() -> None:
    for file in (ROOT / "requirements").glob("*.in"):
        lines = [line for line in file.read_text().splitlines() if line.strip()]
        for before, line in zip(["", *lines], lines, strict=False):
            if line[0] not in "#-":
                assert before.startswith("#"), f"{file.name}: {line} has no reason above it"


@pytest.mark.parametrize("lock", ["requirements.txt"])
def test_nothing_under_the_gpl(lock: str) -> None:
    """LGPL (psycopg2) may be used by a program under another licence; GPL and AGPL may not."""
    for name in pinned(lock).keys() - TOOLS:
        try:
            found = metadata.metadata(name)
        except metadata.PackageNotFoundError:  # of another system or Python
            continue
        classifiers = " ".join(found.get_all("Classifier") or [])
        said = f"{found.get('License-Expression') or ''} {classifiers}"
        assert not re.search(r"(?<![L])A?GPL(?!-compatible)|(?<!Lesser )General Public License", said), (
            f"{name}: {said}"
        )


def test_tools_under_the_gpl_stay_tools() -> None:
    for part in ("web", "worker", "train"):
        assert not TOOLS & pinned(f"requirements/{part}.txt").keys()
    sources = [
        file
        for package in (
            "portal",
            "orders",
            "delivery",
            "dicomweb",
            "fhir",
            "network",
            "accounts",
            "audit",
            "diagnosis",
            "ml",
            "tests",
            "tools",
        )
        for file in (ROOT / package).rglob("*.py")
    ]
    importing = re.compile(rf"^\s*(?:import|from) (?:{'|'.join(TOOLS)})\b", re.MULTILINE)
    assert [file for file in sources if importing.search(file.read_text())] == []
