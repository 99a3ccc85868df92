"""The client and its command line against a running server, over a real socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from accounts.models import ApiToken, User
from client import Portal, PortalError, Problem, transport
from client.__main__ import main
from client.multipart import form
from diagnosis.analyses import runner
from diagnosis.models import Analysis, KeptAnswer, Patient, Scan
from tests.images import xray_png

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer


@pytest.fixture
def secret(radiographer: User) -> str:
    return ApiToken.objects.issue(membership=radiographer.memberships.get(), name="client")[1]


@pytest.mark.django_db(transaction=True)
def test_from_files_to_results(
    live_server: LiveServer,
    secret: str,
    patient: Patient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The first answer is lost on its way, a file is refused, and the analysis ends while the client waits."""
    image, other = tmp_path / "a “1”.png", tmp_path / "notes.txt"
    image.write_bytes(xray_png())
    other.write_text("no image")
    monkeypatch.setenv("PORTAL_URL", live_server.url)
    monkeypatch.setenv("PORTAL_TOKEN", secret)
    _lose_first_answer(monkeypatch)
    monkeypatch.setattr(transport.time, "sleep", lambda _seconds: None)
    waited = _analyse_on_first_wait(monkeypatch)
    upload = ["upload", str(image), str(other), "--record-number", patient.medical_record_number, "--modality", "cxr"]
    assert main([*upload, "--wait"]) == 1
    said = capsys.readouterr()
    first, result = (json.loads(line) for line in said.out.splitlines())
    scan = Scan.objects.get()
    assert (first["scan"], first["duplicate"], scan.original_name) == (str(scan.pk), False, image.name)
    assert KeptAnswer.objects.filter(status=201).count() == 1
    assert result["study"] == str(scan.study.pk)
    assert result["headline"].startswith("Computer:")
    assert "notes.txt" in said.err
    assert secret not in said.out + said.err
    assert waited
    assert main(["studies", "--patient", str(patient.pk)]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == str(scan.study.pk)
    assert main(["report", str(patient.pk)]) == 1
    assert "HTTP 404" in capsys.readouterr().err


def _lose_first_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    read, lost = transport._answer, []

    def lose(response: Any) -> Any:
        answer = read(response)
        if answer.status == 201 and not lost:
            lost.append(answer)
            raise ConnectionResetError("the answer was lost")
        return answer

    monkeypatch.setattr(transport, "_answer", lose)


def _analyse_on_first_wait(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    waited: list[str] = []
    ended = Portal._has_ended

    def analyse(self: Portal, address: str, until: float) -> bool:
        runner.run(Analysis.objects.get().pk, worker="test")
        waited.append(address)
        return ended(self, address, until)

    monkeypatch.setattr(Portal, "_has_ended", analyse)
    return waited


def test_a_token_is_never_sent_in_the_clear_nor_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PortalError, match="https"):
        Portal("http://portal.example", "secret")
    with pytest.raises(PortalError, match=r"elsewhere\.example"):
        Portal("https://portal.example", "secret").transport.request("GET", "https://elsewhere.example/api/v1/")
    file = tmp_path / "token"
    file.write_text("secret")
    file.chmod(0o644)
    assert main(["--url", "https://portal.example", "--token-file", str(file), "studies"]) == 1
    assert "chmod 600" in capsys.readouterr().err


@pytest.mark.parametrize("base", ["https://site.example/portal", "https://site.example/portal/"])
def test_a_portal_that_lies_in_a_folder_is_asked_there(monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    """Whether it knows its folder or not: the token goes to nothing beside it."""
    asked: list[str] = []
    pages = iter(
        [
            {"next": "https://site.example/portal/api/v1/studies/?cursor=1", "results": []},
            {"next": "https://site.example/api/v1/studies/?cursor=2", "results": []},
            {"next": None, "results": []},
        ]
    )

    def answer(_self: Any, _method: str, path: str, *_: Any) -> transport.Answer:
        asked.append(path)
        return transport.Answer(200, {}, json.dumps(next(pages)).encode())

    monkeypatch.setattr(transport.Transport, "_once", answer)
    assert list(Portal(base, "secret").studies(patient="1")) == []
    assert asked == [f"/portal/api/v1/studies/?{one}" for one in ("patient=1", "cursor=1", "cursor=2")]


@pytest.mark.parametrize(
    ("outcomes", "tried", "paused"),
    [
        ([Problem(503, {"retryable": True}, 7.0), "answer"], 2, [7.0]),
        ([Problem(409, {"retryable": True}, 900.0), "answer"], 2, [60.0]),
        ([Problem(422, {"code": "not_an_image"})], 1, []),
        ([ConnectionRefusedError()] * 3, 3, [None, None]),
    ],
)
def test_what_may_succeed_later_is_sent_again(
    monkeypatch: pytest.MonkeyPatch, outcomes: list[Any], tried: int, paused: list[float | None]
) -> None:
    pauses: list[float] = []
    asked = transport.Transport("https://portal.example", "secret", tries=3, sleep=pauses.append)
    left = list(outcomes)

    def calls(*_: Any) -> Any:
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(asked, "_once", calls)
    if outcomes[-1] == "answer":
        assert asked.request("GET", "/") == "answer"
    else:
        with pytest.raises(PortalError):
            asked.request("GET", "/")
    assert len(outcomes) - len(left) == tried
    assert [one for one, wanted in zip(pauses, paused, strict=True) if wanted not in (None, one)] == []


def test_a_file_is_read_while_it_is_sent_and_must_not_change(tmp_path: Path) -> None:
    file = tmp_path / "a.dcm"
    file.write_bytes(b"x" * 700_000)
    body = form({"patient": "1"}, file)
    assert sum(len(part) for part in body.parts()) == body.size
    assert max(len(part) for part in body.parts()) <= 256 * 1024
    file.write_bytes(b"x" * 700_001)
    with pytest.raises(ValueError, match="changed"):
        list(body.parts())
