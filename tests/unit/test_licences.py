"""What may be used under which licence: the licence text, the notice, and what each package in the images states."""

import hashlib
import tomllib
from pathlib import Path

import pytest

from tools import notice
from tools.generated import MarkersMissing, Part

ROOT = Path(__file__).resolve().parents[2]
APACHE_2 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"  # apache.org/licenses/LICENSE-2.0.txt


def test_the_licence_is_the_unmodified_text() -> None:
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE_2


def test_the_project_states_its_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0"
    assert all((ROOT / name).exists() for name in project["license-files"])


@pytest.mark.parametrize("page", ["NOTICE", "README.md", "CONTRIBUTING.md"])
def test_the_weights_are_exempted_by_name(page: str) -> None:
    text = (ROOT / page).read_text()
    assert "ml/weights/" in text
    assert "research use only" in text


def test_the_notice_lists_what_the_images_ship() -> None:
    assert {"psycopg2-binary", "django", "openvino"} <= set(notice.shipped())
    assert not {"tzdata", "async-timeout", "tensorflow"} & set(notice.shipped())
    assert not notice.PART.is_stale(), "run make docs"


def test_the_images_carry_the_licence() -> None:
    assert {"!LICENSE", "!NOTICE"} <= set((ROOT / ".dockerignore").read_text().split())


def test_refuses_a_package_that_is_not_there() -> None:
    with pytest.raises(notice.LicenceMissing, match="no-such-package"):
        notice.licence("no-such-package")


def test_a_generated_part_replaces_only_what_stands_between_its_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<begin>\nold\n<end>\nafter\n")
    part = Part(page, "<begin>", "<end>", lambda: "new")
    assert part.is_stale()
    part.write()
    assert page.read_text() == "before\n<begin>\nnew\n<end>\nafter\n"
    assert not part.is_stale()


def test_a_generated_part_needs_its_markers() -> None:
    part = Part(ROOT / "LICENSE", "<begin>", "<end>", lambda: "new")
    with pytest.raises(MarkersMissing, match="LICENSE"):
        part.wanted()
