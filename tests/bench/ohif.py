"""First image in the portal's viewer, in OHIF beside the portal, and in OHIF beside Debian's Orthanc.

    python -m tests.bench.ohif FOLDER

FOLDER is `package/dist` of npm's `@ohif/app`, which nothing of the portal brings. A copy of it is prepared with the
commands and the settings of docs/manual/dicom.md, and a proxy serves it beside the portal, and another one beside an
Orthanc with its plug-in for DICOMweb, that has the same files. Chromium opens each study in all three, in turn and in
another order each turn; the time ends when grey pixels are drawn. Each turn begins with an empty browser; after that
OHIF's programs are cached. `--pictures` keeps what was seen.
"""

from __future__ import annotations

import argparse
import http.client
import json
import mimetypes
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pydicom

from tests import chromium, orthanc
from tests.bench import study_files
from tests.bench.client import Client
from tests.bench.flow import free_port, say, set_up
from tests.chest_images import chest_folder

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

    from portal.embedded.launcher import Launcher

ROOT = Path(__file__).resolve().parents[2]
MANUAL = ROOT / "docs" / "manual" / "dicom.md"
BELOW, SETTINGS = "/ohif", "app-config.js"
PATIENCE_MS = 180_000
OURS, BESIDE_US, BESIDE_ORTHANC = "ours", "OHIF", "OHIF+Orthanc"
DICOMWEB = "/api/dicom-web", "/dicom-web"  # the portal's, and that of Orthanc's plug-in
# OHIF draws by WebGL; without a graphics card Chromium does that in software.
FLAGS = [
    *(flag for flag in chromium.FLAGS if flag != "--disable-gpu"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"),
]
# Some canvas has at least 16 greys: an empty one and a loading one have fewer.
DRAWN = """() => [...document.querySelectorAll("canvas")].some((canvas) => {
  const { width, height } = canvas;
  if (width < 100 || height < 100) return false;
  const pen = canvas.getContext("2d");
  if (!pen) return false;
  const { data } = pen.getImageData(0, 0, width, height);
  const greys = new Set();
  for (let at = 0; at < data.length; at += 4 * 97) if (data[at + 3]) greys.add(data[at]);
  return greys.size >= 16;
})"""


@dataclass(frozen=True)
class Study:
    name: str
    uid: str
    scan: str  # key of its first image in the portal


@dataclass(frozen=True)
class Seen:
    """Milliseconds from the address to the first pixels, and requests until then."""

    took: float
    requests: int


def main() -> None:
    chosen = _chosen()
    if not (chosen.dist / "index.html").is_file():
        sys.exit(f"{chosen.dist} holds no index.html: give the folder dist of @ohif/app.")
    front = free_port()
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as var:
        os.environ["OHIF_URL"] = f"http://127.0.0.1:{front}{BELOW}/viewer"
        set_up(var)
        _measure(chosen, front, _prepared(chosen.dist, Path(var)).resolve())


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dist", type=Path)
    parser.add_argument("-n", type=int, default=60, help="how many slices the CT study has")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pictures", type=Path, help="a folder for what the browser showed")
    return parser.parse_args()


def _measure(chosen: argparse.Namespace, front: int, dist: Path) -> None:
    from portal.embedded.launcher import Launcher

    launcher = Launcher(host="127.0.0.1", port=free_port(), say=say)
    other, dicom, archive = free_port(), free_port(), free_port()
    with (
        launcher.running(),
        _front(front, launcher.port, dist),
        orthanc.running(dist.parent / "orthanc", dicom=dicom, web=archive, plugins=(orthanc.DICOMWEB,)),
        _front(other, archive, dist, replace=DICOMWEB),
        ExitStack() as stack,
    ):
        email, password, studies = _send(launcher.port, archive, chosen.n)
        _let_analyses_end(launcher)
        browser = stack.enter_context(chromium.launched(FLAGS))
        times: dict[str, dict[str, list[Seen]]] = {}
        for turn in range(chosen.rounds):
            context = browser.new_context(base_url=f"http://127.0.0.1:{front}", viewport={"width": 1400, "height": 900})
            _sign_in(context, email, password)
            for study in studies:
                ways = _ways(context, study, f"http://127.0.0.1:{other}{BELOW}/viewer?StudyInstanceUIDs={study.uid}")
                for who in (*ways, *ways)[turn % len(ways) :][: len(ways)]:
                    picture = chosen.pictures / f"{study.name} {who}.png" if chosen.pictures and not turn else None
                    one = _first_image(context, ways[who], picture)
                    times.setdefault(study.name, {}).setdefault(who, []).append(one)
                    say(f"turn {turn + 1}: {study.name}: {who} {one.took:.0f} ms, {one.requests} requests")
                launcher.step()
            context.close()
    _report(times)


# --- what is shown -----------------------------------------------------------------------------------------


def _send(port: int, archive: int, count: int) -> tuple[str, str, list[Study]]:
    """Sign-in of somebody who may see the studies in the portal, and the studies."""
    from accounts.roles import Radiographer
    from portal.demo.patients import ensure_patients
    from portal.demo.staff import ensure_staff, member

    clinic, logins = ensure_staff()
    ensure_patients(clinic, by=member(clinic, Radiographer))
    login = next(login for login in logins if login.who == str(Radiographer.name))
    client = Client("127.0.0.1", port)
    client.sign_in(login.email, login.password)
    patient = client.patients()[0]["id"]
    sent = []
    for name, modality, files in _studies(count):
        answers = [
            client.upload(patient=patient, modality=modality, name="a.dcm", data=data, identity_confirmed="true")
            for data in files
        ]
        for data in files:
            urllib.request.urlopen(f"http://127.0.0.1:{archive}/instances", data, timeout=60).close()
        head = pydicom.dcmread(BytesIO(files[0]), stop_before_pixels=True)
        sent.append(Study(name, head.StudyInstanceUID, answers[0]["scan"]["id"]))
        say(f"sent: {name}")
    return login.email, login.password, sent


def _studies(count: int) -> Iterator[tuple[str, str, list[bytes]]]:
    yield f"CT, {count}", "ct", [file.data for file in study_files.ct_study(count)]
    real = sorted((chest_folder() / "dicom" / "chest-cr-dx").glob("*.dcm"))
    for path in real:
        yield f"X-ray, {path.stem[-12:]}", "cxr", [path.read_bytes()]
    if not real:
        yield "X-ray, drawn", "cxr", [study_files.xray_study()[0].data]


def _let_analyses_end(launcher: Launcher) -> None:
    """They would take the cores that a browser draws with."""
    from diagnosis.models import Analysis
    from diagnosis.states import AnalysisStatus

    while Analysis.objects.filter(status__in=(AnalysisStatus.QUEUED, AnalysisStatus.RUNNING)).exists():
        launcher.step()


# --- the proxy ---------------------------------------------------------------------------------------------


@contextmanager
def _front(port: int, server: int, dist: Path, replace: tuple[str, str] = ("", "")) -> Iterator[None]:
    """One host name for both: what lies below /ohif/ from the folder, everything else from the server on that port.

    `replace`: what is otherwise in OHIF's settings, and how.
    """
    handler = partial(_Front, behind=server, dist=dist, replace=replace)
    front = ThreadingHTTPServer(("127.0.0.1", port), handler)
    Thread(target=front.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        front.shutdown()
        front.server_close()


def _prepared(package: Path, folder: Path) -> Path:
    """OHIF's files in `folder`, moved below /ohif/ and with its settings as the manual says."""
    told = MANUAL.read_text().partition("### Studies in OHIF")[2]
    commands, settings = _block("sh", told), _block("js", told)
    shutil.copytree(package, folder / "ohif")
    moves = [line.strip() for line in commands.splitlines() if line.strip().startswith("sed ")]
    subprocess.run(["sh", "-ec", "\n".join(moves)], cwd=folder, check=True)
    (folder / "ohif" / SETTINGS).write_text(settings)
    return folder / "ohif"


def _block(language: str, text: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found, f"{MANUAL} has no {language} for OHIF"
    return found[1]


class _Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *args: Any, behind: int, dist: Path, replace: tuple[str, str]) -> None:
        self.behind, self.dist, self.replace = behind, dist, replace
        super().__init__(*args)

    def do_GET(self) -> None:
        if self.path.startswith(f"{BELOW}/"):
            self._serve(self.path.partition("?")[0].removeprefix(f"{BELOW}/"))
        else:
            self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def log_message(self, *args: object) -> None:
        pass

    def _serve(self, name: str) -> None:
        path = (self.dist / name).resolve()
        if not (path.is_file() and path.is_relative_to(self.dist)):
            path = self.dist / "index.html"
        data = path.read_bytes()
        headers = [("Content-Type", mimetypes.guess_type(path.name)[0] or "application/octet-stream")]
        if path.name == SETTINGS:
            data = data.decode().replace(*self.replace).encode()
        elif path.suffix != ".html":
            headers.append(("Cache-Control", "max-age=3600"))
        self._answer(200, [*headers, ("Content-Length", str(len(data)))], data)

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection("127.0.0.1", self.behind, timeout=120)
        try:
            connection.request(self.command, self.path, body or None, dict(self.headers.items()))
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        dropped = {"content-length", "transfer-encoding", "connection"}
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in dropped]
        self._answer(answer.status, [*kept, ("Content-Length", str(len(data)))], data)

    def _answer(self, status: int, headers: Sequence[tuple[str, str]], data: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        with suppress(ConnectionError):  # the page was closed meanwhile
            self.end_headers()
            self.wfile.write(data)


# --- the browser -------------------------------------------------------------------------------------------


def _sign_in(context: BrowserContext, email: str, password: str) -> None:
    page = context.new_page()
    page.goto("/accounts/sign-in/")
    page.fill("[name=login]", email)
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    page.wait_for_load_state()
    page.close()


def _ways(context: BrowserContext, study: Study, beside_orthanc: str) -> dict[str, str]:
    """Where the study is seen; in OHIF beside the portal where the portal's button leads."""
    page = context.new_page()
    page.goto(f"/scans/{study.scan}/")
    with context.expect_page() as opened:
        page.get_by_role("link", name="Open in OHIF").click()
    address = opened.value.url
    opened.value.close()
    page.close()
    return {OURS: f"/scans/{study.scan}/view/", BESIDE_ORTHANC: beside_orthanc, BESIDE_US: address}


def _first_image(context: BrowserContext, address: str, picture: Path | None) -> Seen:
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("response", lambda answer: say(f"  {answer.status} {answer.url}") if answer.status >= 400 else None)
    page.on("pageerror", lambda error: say(f"  {error}"))
    begun = time.perf_counter()
    page.goto(address, wait_until="commit")
    try:
        page.wait_for_function(DRAWN, polling=50, timeout=PATIENCE_MS)
        seen = Seen(1000 * (time.perf_counter() - begun), len(asked))
    finally:
        if picture:
            page.wait_for_timeout(5000)  # thumbnails
            page.screenshot(path=picture)
    page.close()
    return seen


def _report(times: dict[str, dict[str, list[Seen]]]) -> None:
    ratios = {}
    for name, seen in times.items():
        middle = {who: statistics.median(one.took for one in all_of) for who, all_of in seen.items()}
        ratios[name] = {who: round(took / middle[OURS], 1) for who, took in middle.items() if who != OURS}
        say(f"{name}: {', '.join(f'{who} {took:.0f} ms' for who, took in middle.items())}")
    say(json.dumps({"first image, by ours": ratios}))
    ours, other = (
        statistics.median(one.took for seen in times.values() for one in seen[who]) for who in (OURS, BESIDE_ORTHANC)
    )
    say(f"first image ours {ours:.0f} ms, OHIF+Orthanc {other:.0f} ms, ratio {ours / other:.3f}")


if __name__ == "__main__":
    main()
