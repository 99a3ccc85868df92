"""Which sources can answer which question: a file of this project, and one of a clinic's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.spec import Modality
from ml.training.data.domains import VARIABLE
from ml.training.data.questions import (
    ABNORMAL,
    COVID_AMONG_ABNORMAL,
    are_of,
    domain_of,
    domains_among,
    known_domains,
    known_sides,
    require_both_sides,
    side_index,
    split_for_questions,
)
from ml.training.data.split import Part
from tests.unit.ml.training.rows import row, write_data

HEAD = "source,domain,question\n"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "domains.csv"
    monkeypatch.setenv(VARIABLE, str(path))
    return path


def test_the_public_sources_are_known() -> None:
    assert {domain.name: domain.sources for domain in known_domains()}["rsna"] == ("rsna", "rsna-opacity")
    assert domain_of("north") is None


def test_a_source_of_ones_own_answers_and_takes_no_place_of_others(own: Path) -> None:
    own.write_text(f"{HEAD}north,north,abnormal\nsouth,north,abnormal\n")
    domain = domain_of("south")
    assert domain is not None
    assert (domain.name, domain.sources, domain.question) == ("north", ("north", "south"), ABNORMAL)
    assert known_sides()[side_index("north", "covid")].positive
    assert not known_sides()[side_index("north", "normal")].positive
    assert side_index("rsna", "normal") == 1


def test_only_places_whose_images_are_there_are_named(own: Path) -> None:
    own.write_text(f"{HEAD}north,north,abnormal\n")
    assert domains_among(ABNORMAL, ["north", "ieee8023", "shenzhen"]) == ("shenzhen", "north")
    assert domains_among(COVID_AMONG_ABNORMAL, ["north"]) == ()


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("source,domain\nnorth,north\n", "lacks the columns question"),
        (f"{HEAD}rsna,rsna,abnormal\n", "Give your source a name of its own"),
        (f"{HEAD}north,ieee8023,abnormal\n", "a domain of its own"),
        (f"{HEAD}north,north,ill\n", "Choose abnormal, covid_among_abnormal, covid_in_slice"),
    ],
)
def test_a_file_that_contradicts_is_refused(text: str, refusal: str, own: Path) -> None:
    own.write_text(text)
    with pytest.raises(ValueError, match=refusal):
        known_domains()


def test_a_file_that_is_missing_is_refused(own: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"Correct {VARIABLE}"):
        known_domains()


def test_a_domain_that_no_file_names_is_not_taken_for_nothing() -> None:
    """Numbers of no image would be measured of an ensemble that was made with a file of one's own."""
    with pytest.raises(ValueError, match=f"Name with {VARIABLE}"):
        are_of(["north"], ["north"])


def test_images_of_one_kind_teach_nothing(own: Path) -> None:
    """A place with disease alone would teach what its images look like."""
    both = [row(1, source="shenzhen"), row(2, source="shenzhen", label="normal")]
    second = [row(3, source="ieee8023"), row(4, source="ieee8023", label="pneumonia")]
    parts = dict.fromkeys(Part, (*both, *second))
    own.write_text(f"{HEAD}north,north,abnormal\n")
    require_both_sides(parts, Modality.CXR)
    with pytest.raises(ValueError, match="north: all images of the training part are on one side of abnormal"):
        require_both_sides(parts | {Part.TRAIN: (*parts[Part.TRAIN], row(5, source="north"))}, Modality.CXR)
    with pytest.raises(ValueError, match="The validation part has no images of both sides of covid_among_abnormal"):
        require_both_sides(parts | {Part.VALIDATION: tuple(both)}, Modality.CXR)


def test_a_folder_without_a_second_list_has_its_first_one(tmp_path: Path, own: Path) -> None:
    own.write_text(f"{HEAD}one,one,abnormal\ntwo,two,abnormal\n")
    parts = split_for_questions(write_data(tmp_path))
    assert sum(map(len, parts.values())) == 60
    assert all(parts[part] for part in Part)
