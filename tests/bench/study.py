"""Whole examinations, from the first byte to the reading room: `make bench-study N=300`.

Starts broker, web server and worker as `make demo` starts them, on a data folder of their own, and sends studies
through the API: CT studies of 1, 60 and N slices with one request for each slice, N slices once more as one zip
archive, and X-rays in two views in both ways. Asks for each result until it is there, opens an image of the largest
study as the viewer does, and turns the wheel through all its slices in Chromium.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench import study_files, study_wheel
from tests.bench.browsing import Browsing
from tests.bench.client import Client
from tests.bench.flow import free_port, percentile, say, set_up
from tests.bench.study_sending import Sent, Site, disk, newest

XRAY_STUDIES = 10
MEGABYTE = 1e6


@dataclass(frozen=True)
class Viewed:
    """Milliseconds until the viewer's page and its first image are there, and bytes that stay when all were seen."""

    page: float
    image: float
    others: float  # the median of each further image
    kept: int

    @property
    def first(self) -> float:
        return self.page + self.image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=300, help="how many slices the largest study has")
    count = parser.parse_args().n
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as var:
        set_up(var)
        _measure(count)


def _measure(count: int) -> None:
    from portal.embedded.launcher import Launcher

    say(f"load average before: {_load()}; {study_files.said_of_slices()}")
    launcher = Launcher(host="127.0.0.1", port=free_port(), say=say)
    with launcher.running():
        site = _site(launcher.port, launcher.step)
        site.send("the first X-ray study (not counted)", study_files.xray_study())
        series = [
            site.send(f"CT, {size}, one by one", study_files.ct_study(size))
            for size in sorted({1, min(60, count), count})
        ]
        viewed = _look_through(site)
        turned = study_wheel.turn(site.browsing, str(newest().representative_id), count)
        series.append(site.send(f"CT, {count}, zip", study_files.ct_study(count), as_archive=True))
        xrays = [site.send("X-ray, 2, one by one", study_files.xray_study()) for _ in range(XRAY_STUDIES)]
        archive = site.send("X-ray, 2, zip", study_files.xray_study(), as_archive=True)
    say(f"\nload average after: {_load()}\n")
    _tabulate([*series, _middle(xrays), archive])
    say(turned.sentence)
    _conclude(series[-2], viewed, xrays)


def _load() -> str:
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


def _site(port: int, watch: Callable[[], bool]) -> Site:
    from accounts.roles import Radiographer
    from portal.demo.patients import ensure_patients
    from portal.demo.staff import ensure_staff, member

    clinic, logins = ensure_staff()
    ensure_patients(clinic, by=member(clinic, Radiographer))
    login = next(login for login in logins if login.who == str(Radiographer.name))
    client, browsing = Client("127.0.0.1", port), Browsing("127.0.0.1", port)
    client.sign_in(login.email, login.password)
    browsing.sign_in(login.email, login.password)
    return Site(client, browsing, client.patients()[0]["id"], watch)


def _look_through(site: Site) -> Viewed:
    """The newest study: the image that stands for it first, then every other one."""
    from diagnosis.models import Scan

    study, before = newest(), disk()
    site.browsing.rest()  # the study took longer than a connection is kept
    assert study.representative_id  # it has images
    page, image = site.view(str(study.representative_id))
    rest = Scan.objects.filter(series__study=study).exclude(pk=study.representative_id)
    others = [site.view(str(pk))[1] for pk in rest.values_list("pk", flat=True)]
    return Viewed(page, image, statistics.median(others or [image]), disk() - before)


def _middle(studies: Sequence[Sent]) -> Sent:
    return sorted(studies, key=lambda sent: sent.total)[len(studies) // 2]


def _tabulate(rows: Sequence[Sent]) -> None:
    heads = ("upload s", "an image ms", "result s", "worker s", "analyses", "disk/files")
    say(f"{'':<22}" + "".join(f"{head:>13}" for head in heads))
    for row in rows:
        times = f"{row.upload:>13.2f}{1000 * row.upload / row.images:>13.0f}{row.result:>13.2f}{row.worker:>13.2f}"
        say(f"{row.name:<22}{times}{row.analyses:>13}{row.disk / row.originals:>13.2f}")


def _conclude(largest: Sent, viewed: Viewed, xrays: Sequence[Sent]) -> None:
    say(
        f"viewer: page {viewed.page:.0f} ms, first image {viewed.image:.0f} ms, each further one {viewed.others:.0f}"
        f" ms; disk when all were looked at {(largest.disk + viewed.kept) / largest.originals:.2f} × the originals"
    )
    say(
        f"study of {largest.images} slices: upload {largest.upload:.1f} s, "
        f"result {largest.result:.1f} s after the last image, first image in the viewer {viewed.first:.0f} ms, "
        f"rows in the queue {largest.readings}, analyses {largest.analyses}, disk {largest.disk / MEGABYTE:.0f} MB; "
        f"X-ray study to result p50 {percentile([sent.total for sent in xrays], 50):.2f} s"
    )


if __name__ == "__main__":
    main()
