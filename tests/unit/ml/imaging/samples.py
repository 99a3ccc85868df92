"""Files made in memory for the tests of ml.imaging."""

import struct
import tempfile
import zlib
from io import BytesIO
from pathlib import Path

import gdcm
import numpy as np
import pydicom
from PIL import Image
from pydicom import uid
from pydicom.encaps import encapsulate

from ml.imaging import DEFAULT_LIMITS, ImageRefused, decode
from ml.imaging.phantom import phantom_dicom

SIDE = 160


def ramp(bits: int = 8, side: int = SIDE, *, signed: bool = False) -> np.ndarray:
    """Every value of the range, in a pattern that no symmetry maps onto itself."""
    top = (1 << bits) - 1
    y, x = np.mgrid[0:side, 0:side]
    values = (x * 3 + y * y * 7) * top // (3 * side + 7 * side * side)
    values[0, 0], values[-1, -1] = 0, top
    offset = 1 << (bits - 1) if signed else 0
    kind = np.uint8 if bits == 8 and not signed else np.int16 if signed else np.uint16
    return (values - offset).astype(kind)


def saved(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def grey_png(side: int = SIDE) -> bytes:
    return saved(Image.fromarray(ramp(8, side)))


def grey_jpeg(side: int = SIDE) -> bytes:
    return saved(Image.fromarray(ramp(8, side)), "JPEG", quality=95)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_chunk(png: bytes, name: bytes, body: bytes) -> bytes:
    """`png` with one more chunk behind its header."""
    return png[:33] + chunk(name, body) + png[33:]


def dicom(modality_code: str = "DX", **overrides: object) -> bytes:
    return phantom_dicom(modality_code, side=SIDE, overrides=overrides)


def xray_of(stored: np.ndarray, bits: int, **overrides: object) -> bytes:
    """A DX file with exactly these stored values and a window over their whole range."""
    signed = stored.dtype.kind == "i"
    low = -(1 << (bits - 1)) if signed else 0
    allocated = 8 * stored.dtype.itemsize
    values = {
        "Rows": stored.shape[0],
        "Columns": stored.shape[1],
        "BitsAllocated": allocated,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(signed),
        "PixelData": stored.astype(stored.dtype.newbyteorder("<")).tobytes(),
        "WindowCenter": low + (1 << (bits - 1)),
        "WindowWidth": 1 << bits,
    }
    return phantom_dicom("DX", side=SIDE, overrides={**values, **overrides})


def rewritten(data: bytes, syntax: str) -> bytes:
    """The same image in another uncompressed transfer syntax."""
    source = pydicom.dcmread(BytesIO(data))
    dataset = pydicom.Dataset()  # a fresh one, which may be written in any encoding
    dataset.update(source)
    dataset.file_meta = source.file_meta
    dataset.file_meta.TransferSyntaxUID = uid.UID(syntax)
    if syntax == uid.ExplicitVRBigEndian:
        dataset["PixelData"].value = _swapped(source)
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _swapped(dataset: pydicom.Dataset) -> bytes:
    """OW pixels are 16-bit words in the file's byte order, 8-bit pixels too (PS3.5 A.3)."""
    return np.frombuffer(dataset.PixelData, "<u2").byteswap().tobytes()


def compressed_by_pydicom(data: bytes, syntax: str, **options: object) -> bytes:
    dataset = pydicom.dcmread(BytesIO(data))
    dataset.compress(uid.UID(syntax), generate_instance_uid=False, **options)
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def compressed_by_gdcm(data: bytes, syntax: str, *, error: int = 0) -> bytes:
    """`error` above 0 makes JPEG-LS near-lossless with that largest difference."""
    kind = gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(syntax)))
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.dcm"), Path(folder, "out.dcm")
        source.write_bytes(data)
        reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
        reader.SetFileName(str(source))
        assert reader.Read()
        change.SetTransferSyntax(kind)
        change.SetInput(reader.GetImage())
        if error:
            codec = gdcm.JPEGLSCodec()
            codec.SetLossless(False)
            codec.SetLossyError(error)
            change.SetUserCodec(codec)
        assert change.Change()
        writer.SetFileName(str(target))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return target.read_bytes()


def encapsulated(data: bytes, frame: bytes, syntax: str) -> bytes:
    """`data` with its pixels replaced by a ready-made compressed frame."""
    dataset = pydicom.dcmread(BytesIO(data))
    dataset.file_meta.TransferSyntaxUID = uid.UID(syntax)
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].is_undefined_length = True
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def refusal(data: bytes, limits: object = DEFAULT_LIMITS) -> str:
    """The code with which `data` is refused; '' when it is accepted."""
    try:
        decode(data, limits=limits)
    except ImageRefused as refused:
        return refused.code
    return ""
