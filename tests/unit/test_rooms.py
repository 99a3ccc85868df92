"""The picture of the rooms: what counts as a room, which arrows are drawn, and what is refused."""

from pathlib import Path

import pytest

from tools import rooms


@pytest.mark.parametrize(
    ("module", "room"),
    [
        ("portal.settings", "portal"),
        ("accounts.models.user", "accounts"),
        ("diagnosis.models.scan", "diagnosis.models"),
        ("diagnosis.states", "diagnosis.states"),
        ("diagnosis", None),
        ("diagnosis.migrations.0001_initial", None),
        ("diagnosis.apps", None),
        ("ml.imaging.dicom", "ml.imaging"),
        ("ml.spec", "ml"),
        ("ml.gate.command", None),
    ],
)
def test_room_of_a_module(module: str, room: str | None) -> None:
    assert rooms.room(module) == room


def test_leaves_out_arrows_that_follow_from_two_others() -> None:
    found = {"page": {"action", "row"}, "action": {"row"}, "row": set()}
    assert rooms.shortest(found) == {"page": {"action"}, "action": {"row"}, "row": set()}
    assert rooms.from_the_top(found) == ["page", "action", "row"]


def test_refuses_a_circle() -> None:
    with pytest.raises(rooms.RoomsCircular, match="imports"):
        rooms.from_the_top({"page": {"row"}, "row": {"page"}})


def test_draws_the_imports_that_are_there() -> None:
    found = rooms.imports()
    assert "diagnosis.actions" in found["diagnosis.views"]
    assert "diagnosis.views" not in found["diagnosis.actions"]
    assert not {"diagnosis.models", "portal"} & found["ml.imaging"]


def test_every_room_says_what_belongs_in_it() -> None:
    assert all(rooms.purpose(name) for name in rooms.imports())


def test_a_room_without_a_purpose_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "diagnosis" / "attic").mkdir(parents=True)
    (tmp_path / "diagnosis" / "attic" / "__init__.py").write_text("")
    monkeypatch.setattr(rooms, "ROOT", tmp_path)
    with pytest.raises(rooms.RoomUndescribed, match="attic"):
        rooms.purpose("diagnosis.attic")
