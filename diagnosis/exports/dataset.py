"""A clinic's signed reads as a folder that `python -m ml` trains on: without names, and one version after the other.

The pictures are those that `ml.imaging.deidentification` makes. A version is named by its day and by the hash of its
manifest, which has the hash of every picture; it names the version before it and tells what changed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, User
from audit.record import record_before
from audit.vocabulary import Action, Event
from diagnosis.errors import FileRefused, Refusal
from diagnosis.exports.deidentified import LICENCE
from diagnosis.exports.folder import Growing, growing
from diagnosis.exports.learning import Choice, Example, Reason, Wanted, choose
from diagnosis.exports.pseudonyms import stand_in
from diagnosis.models import Scan
from diagnosis.results import intended_use
from diagnosis.scans import intake
from ml.imaging.rendering import as_png

# Of what the folder holds and how; raise it when a column changes its meaning.
FORMAT = 1
MANIFEST, DESCRIPTION, READ_ME = "manifest.csv", "dataset.json", "README.txt"
COLUMNS = (
    *("path", "modality", "label", "source", "group", "protocol", "licence"),
    *("image", "study", "view", "width", "height", "sha256"),
    *("category", "answered", "first_impression", "decision", "findings", "image_quality"),
)
# DICOM's words for a frontal view (PS3.3 C.8.1.9); anything else in that field is somebody's own.
VIEWS = ("PA", "AP")
Row = dict[str, str]


@dataclass(frozen=True)
class Order:
    """What somebody asks for. `name`: of the data set, and what its pseudonyms belong to."""

    by: User
    clinic: Clinic
    name: str
    reason: str
    wanted: Wanted
    previous: Path | None = None

    def stand_in(self, kind: str, key: object) -> str:
        return stand_in(self.name, kind, key)

    @property
    def key_mark(self) -> str:
        """The same as long as the key of the pseudonyms is."""
        return self.stand_in("K", "")


@dataclass
class Version:
    """One version of a data set, as its files say it. `description` is what `dataset.json` holds."""

    description: Mapping[str, Any]
    sha256: str
    rows: list[Row] = field(default_factory=list)


def export_dataset(order: Order, folder: Path, *, tell: Callable[[int, int], None] | None = None) -> Version:
    """Write the folder, which must not exist. `tell` hears how many images of how many are done.

    Raises Refusal where nothing is left to export, where the version before is no such one, and where something
    changed meanwhile; FileExistsError where there is a folder; OSError where the disk is full. Then nothing is there.
    """
    _require_place(folder)
    before = read_version(order.previous) if order.previous else None
    _require_follows(order, before)
    choice = choose(order.by, order.clinic, order.wanted)
    with growing(folder) as made:
        taken = _write(made, order, choice, tell)
        if not taken:
            raise Refusal("nothing_to_export", NOTHING, left_out=_counts(choice))
        table = _manifest(list(taken.values()))
        version = _version(order, choice, table, list(taken.values()), before)
        made.add(MANIFEST, table)
        made.add(DESCRIPTION, _json(version.description))
        made.add(READ_ME, _read_me(version).encode())
        made.settle()
        _require_unchanged(order, taken)
        _note(order, version, taken)
        made.appear()
    return version


NOTHING = _("No image is left to export. Left out: %(left_out)s")
NO_VERSION = _("%(folder)s is no version of a data set: it has no %(name)s that can be read.")
ALTERED = _("The manifest in %(folder)s is not the one that its dataset.json names. Take an unaltered copy.")
OTHER_SET = _(
    "The version that was named as the one before is of another data set or clinic. Name one of this set, or none."
)
OTHER_KEY = _(
    "The pseudonyms of the version before were made with another key, so its patients would have other groups now. "
    "Restore PSEUDONYM_KEY, or begin a data set of another name."
)
CHANGED = _("Reports or records changed while the data set was made. Nothing was written; start again.")
INSIDE = _("%(folder)s lies in a folder of the portal. Choose a place outside of %(root)s.")
NO_PLACE = _("%(folder)s is no folder. Make it first.")


def read_version(folder: Path) -> Version:
    """Raises Refusal where `folder` is none, or was altered."""
    try:
        data, table = (folder / DESCRIPTION).read_bytes(), (folder / MANIFEST).read_bytes()
        description = json.loads(data)
        said = description["manifest_sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refusal("no_version", NO_VERSION, folder=folder, name=DESCRIPTION) from error
    if hashlib.sha256(table).hexdigest() != said:
        raise Refusal("altered", ALTERED, folder=folder)
    return Version(description, hashlib.sha256(data).hexdigest(), list(csv.DictReader(io.StringIO(table.decode()))))


def _require_place(folder: Path) -> None:
    for root in (settings.PRIVATE_ROOT, settings.STATIC_ROOT):
        if folder.resolve().is_relative_to(Path(root).resolve()):
            raise Refusal("inside", INSIDE, folder=folder, root=root)
    if folder.is_symlink() or folder.exists():
        raise FileExistsError(f"{folder} exists. Nothing was written.")
    if not folder.parent.is_dir():
        raise Refusal("no_place", NO_PLACE, folder=folder.parent)


def _require_follows(order: Order, before: Version | None) -> None:
    if before is None:
        return
    said = before.description
    if said.get("pseudonyms") != order.key_mark and said.get("name") == order.name:
        raise Refusal("other_key", OTHER_KEY)
    # Of the clinic for this name: it tells another name too.
    if said.get("clinic") != order.stand_in("C", order.clinic.pk):
        raise Refusal("other_set", OTHER_SET)


def _write(
    made: Growing, order: Order, choice: Choice, tell: Callable[[int, int], None] | None
) -> dict[Example, dict[str, object]]:
    """The pictures; returns the row of each, and counts those that may not leave."""
    taken: dict[Example, dict[str, object]] = {}
    for number, example in enumerate(choice.examples, start=1):
        row = _add(made, order, example)
        if isinstance(row, Reason):
            choice.left_out[row] += 1
        else:
            taken[example] = row
        if tell:
            tell(number, len(choice.examples))
    return taken


def _add(made: Growing, order: Order, example: Example) -> dict[str, object] | Reason:
    try:
        image = Scan.objects.get(pk=example.image)
        with image.original.open("rb") as file, intake.decoding() as decoder:
            found = decoder.deidentify(file.read(), None, owner=str(example.patient))
    except (OSError, FileRefused, Scan.DoesNotExist):
        return Reason.UNREADABLE
    if found.suspicions:
        return Reason.TEXT
    picture, name = as_png(found.greys), order.stand_in("I", example.image)
    group = order.stand_in("P", example.patient)
    path = f"images/{group}/{name}.png"
    made.add(path, picture)
    return {
        "path": path,
        "modality": image.modality,
        "source": order.name,
        "group": group,
        "licence": LICENCE,
        "image": name,
        "study": order.stand_in("S", example.study),
        "view": image.view_position if image.view_position in VIEWS else "",
        "width": found.greys.shape[1],
        "height": found.greys.shape[0],
        "sha256": hashlib.sha256(picture).hexdigest(),
        "answered": example.answered,
        "first_impression": example.first_impression,
        **asdict(example.label),
    }


def _manifest(rows: list[dict[str, object]]) -> bytes:
    """In the order of the paths, so that the same images and labels make the same bytes."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: str(row["path"])))
    return out.getvalue().encode()


def _version(
    order: Order, choice: Choice, table: bytes, rows: list[dict[str, object]], before: Version | None
) -> Version:
    now = timezone.now()
    sha256 = hashlib.sha256(table).hexdigest()
    description = {
        "format": FORMAT,
        "name": order.name,
        "version": f"{now:%Y-%m-%d}-{sha256[:16]}",
        "manifest_sha256": sha256,
        "exported_at": now,
        "exported_by": order.by.full_name,
        "software": settings.VERSION,
        "clinic": order.stand_in("C", order.clinic.pk),
        "pseudonyms": order.key_mark,
        "signed_since": order.wanted.since,
        "signed_until": order.wanted.until,
        "only_answered_before_result": order.wanted.only_blind,
        "images": len(rows),
        "groups": len({row["group"] for row in rows}),
        "labels": _counted(rows, "label"),
        "answered": _counted(rows, "answered"),
        "left_out": {reason.value: choice.left_out[reason] for reason in Reason if choice.left_out[reason]},
        "split_by": "group",
        "previous": _compared(before, table) if before else None,
    }
    return Version(description, hashlib.sha256(_json(description)).hexdigest())


def _counted(rows: list[dict[str, object]], column: str) -> dict[str, int]:
    return dict(sorted(Counter(str(row[column]) for row in rows).items()))


def _compared(before: Version, table: bytes) -> dict[str, object]:
    """What became of the version before: how many images are new, gone, called otherwise or another patient's now."""
    old = {row["image"]: row for row in before.rows}
    new = {row["image"]: row for row in csv.DictReader(io.StringIO(table.decode()))}
    both = old.keys() & new.keys()
    return {
        "version": before.description["version"],
        "dataset_sha256": before.sha256,
        "added": len(new.keys() - old.keys()),
        "removed": len(old.keys() - new.keys()),
        "relabelled": sum(old[key]["label"] != new[key]["label"] for key in both),
        "regrouped": sum(old[key]["group"] != new[key]["group"] for key in both),
    }


def _require_unchanged(order: Order, taken: Mapping[Example, object]) -> None:
    """Pictures take long: what was taken must be what would be taken now."""
    if not set(taken) <= set(choose(order.by, order.clinic, order.wanted).examples):
        raise Refusal("changed", CHANGED)


def _note(order: Order, version: Version, taken: Mapping[Example, object]) -> None:
    """The entry of the audit trail, before the folder appears."""
    patients = dict.fromkeys(one.patient for one in taken)
    record_before(
        Event.EXPORT,
        Action.READ,
        person=order.by.pk,
        route="manage.py export_dataset",
        patients=" ".join(patient.hex for patient in patients),
        detail={
            "exported": "data set without names",
            "purpose": order.name,
            "reason": order.reason,
            "clinic": str(order.clinic.pk),
            "version": str(version.description["version"]),
            "dataset_sha256": version.sha256,
            "images": str(len(taken)),
        },
    )


def _json(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, cls=DjangoJSONEncoder, indent=1, ensure_ascii=False).encode()


def _counts(choice: Choice) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in sorted(choice.left_out.items())) or "-"


def _read_me(version: Version) -> str:
    context = {**version.description, "intended_use": intended_use.sentence()}
    return render_to_string("diagnosis/export/dataset.txt", context)
