"""JPEG Extended (processes 2 and 4) of 8 or 12 bits: gdcm reads it, but not by way of pydicom."""

import gdcm
import numpy as np
import numpy.typing as npt


def extended_values(
    frame: bytes, rows: int, columns: int, allocated: int, stored: int
) -> npt.NDArray[np.unsignedinteger]:
    """Unsigned (rows, columns) of one grey frame. Raises ValueError where gdcm gives other than it should."""
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetDataElement(_element(frame))
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(gdcm.PhotometricInterpretation.MONOCHROME2))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGExtendedProcess2_4))
    image.SetPixelFormat(gdcm.PixelFormat(1, allocated, stored, stored - 1, 0))
    # gdcm gives the bytes of a char* as text.
    data = image.GetBuffer().encode("utf-8", "surrogateescape")
    return np.frombuffer(data, np.dtype(f"<u{allocated // 8}")).reshape(rows, columns)


def _element(frame: bytes) -> gdcm.DataElement:
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    return element
