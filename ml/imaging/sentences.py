"""Why a file is refused, in one sentence for each code (and variant): what happened, and what to do."""

from ml.messages import gettext_noop as _

SENTENCES = {
    # The file as such
    "too-many-bytes": _(
        "This file is larger than the %(megabytes)d MB that are accepted; "
        "export one image instead of a whole series, or compress it without loss."
    ),
    "empty": _("This file is empty; choose it again or export it once more."),
    "two-formats-in-one": _(
        "This file is DICOM and another kind of file at the same time, which is unsafe; "
        "export the image again from the system it came from."
    ),
    "unknown-format": _(
        "This file is of no kind that is read here; export the image as PNG, JPEG or a single DICOM file."
    ),
    "is-gif": _("This file is a GIF picture, not a chest image; export the image as PNG, JPEG or a single DICOM file."),
    "is-webp": _(
        "This file is a WebP picture, not a chest image; export the image as PNG, JPEG or a single DICOM file."
    ),
    "is-bmp": _("This file is a BMP picture, not a chest image; export the image as PNG, JPEG or a single DICOM file."),
    "is-tiff": _(
        "This file is a TIFF picture, not a chest image; export the image as PNG, JPEG or a single DICOM file."
    ),
    "is-heic": _(
        "This file is a HEIC photograph, not a chest image; export the image as PNG, JPEG or a single DICOM file."
    ),
    "is-avif": _(
        "This file is an AVIF picture, not a chest image; export the image as PNG, JPEG or a single DICOM file."
    ),
    "is-jpeg-2000": _(
        "This file is a bare JPEG 2000 picture, not a chest image; "
        "export the image as PNG, JPEG or a single DICOM file."
    ),
    "is-jpeg-xl": _(
        "This file is a JPEG XL picture, not a chest image; export the image as PNG, JPEG or a single DICOM file."
    ),
    "is-video": _("This file is a video, not a chest image; export the image as PNG, JPEG or a single DICOM file."),
    "is-pdf": _(
        "This file is a PDF document, not a chest image; export the image as PNG, JPEG or a single DICOM file."
    ),
    "is-zip": _(
        "This file is a ZIP archive or Office document, not a chest image; "
        "export the image as PNG, JPEG or a single DICOM file."
    ),
    "is-archive": _(
        "This file is a compressed archive, not a chest image; export the image as PNG, JPEG or a single DICOM file."
    ),
    "is-nifti": _(
        "This file is a NIfTI volume, not a chest image; export the image as PNG, JPEG or a single DICOM file."
    ),
    "is-nrrd": _(
        "This file is an NRRD volume, not a chest image; export the image as PNG, JPEG or a single DICOM file."
    ),
    "is-hdf5": _("This file is an HDF5 file, not a chest image; export the image as PNG, JPEG or a single DICOM file."),
    "is-program": _("This file is a program, not a chest image; export the image as PNG, JPEG or a single DICOM file."),
    "is-html": _("This file is a web page, not a chest image; export the image as PNG, JPEG or a single DICOM file."),
    "is-svg": _(
        "This file is an XML or SVG document, not a chest image; export the image as PNG, JPEG or a single DICOM file."
    ),
    "is-text": _("This file is a text file, not a chest image; export the image as PNG, JPEG or a single DICOM file."),
    # Size
    "too-many-pixels": _(
        "This image says it is %(width)d x %(height)d pixels, more than the %(millions)d million that are accepted; "
        "export it smaller."
    ),
    "too-small": _(
        "This image is only %(width)d x %(height)d pixels; its shorter side must have at least %(side)d, "
        "so upload the original instead of a thumbnail."
    ),
    # Decoding
    "damaged/png": _("This PNG is incomplete or damaged; copy or export it again and upload it once more."),
    "damaged/jpeg": _("This JPEG is incomplete or damaged; copy or export it again and upload it once more."),
    "damaged/dicom": _("This DICOM file is incomplete or damaged; copy or export it again and upload it once more."),
    "truncated/png": _("This PNG is incomplete or damaged; copy or export it again and upload it once more."),
    "truncated/dicom": _("This DICOM file is incomplete or damaged; copy or export it again and upload it once more."),
    "truncated/compressed": _("The compressed image in this file is incomplete or damaged; send or export it again."),
    "too-much-memory/png": _("This PNG needs too much memory to decode; export it smaller."),
    "too-much-memory/jpeg": _("This JPEG needs too much memory to decode; export it smaller."),
    "too-much-memory/dicom": _("This DICOM file needs too much memory to decode; export it smaller."),
    "too-slow": _(
        "This file could not be decoded within %(seconds)s seconds; export the image again, smaller or uncompressed."
    ),
    "decoder-crashed": _(
        "This file broke its decoder, so it is damaged or unsafe; export the image again from the system it came from."
    ),
    "blank": _("This image is one even shade with nothing to see; check the file and export it again."),
    "no-greys": _(
        "This image has hardly any greys between black and white, so no chest could be seen in it; "
        "export it again from the system it came from."
    ),
    # PNG and JPEG
    "animated": _("This PNG is an animation; upload each picture as a file of its own."),
    "colour/picture": _(
        "This picture is in colour, and chest images are grey; "
        "export the greyscale original instead of a photograph or a coloured rendering."
    ),
    "colour/photograph": _(
        "This photograph is in colour, and chest images are grey; export the DICOM file from the machine or the "
        "archive instead. Where there is only a film, photograph it straight from the front, without flash, so that "
        "it fills the picture, and switch the camera to black and white."
    ),
    "transparent": _(
        "Part of this picture is transparent, so it is not clear what should be seen; export it without transparency."
    ),
    "cmyk": _("This picture is in print colours (CMYK); export it as greyscale."),
    "black-and-white": _("This picture knows only black and white, no greys; export it as greyscale."),
    "pixel-type/picture": _("This picture's kind of pixel is not read here; export it as greyscale."),
    # DICOM
    "modality/other": _(
        "This DICOM file says its modality is %(modality)s; only chest X-rays (CR, DX) and CT slices are read here."
    ),
    "modality/none": _(
        "This DICOM file does not say its modality; only chest X-rays (CR, DX) and CT slices are read here."
    ),
    "sop-class/directory": _(
        "This DICOM file is the index of a disc (DICOMDIR) and holds no image; choose the image files beside it."
    ),
    "sop-class/other": _(
        "This DICOM file is of a kind (%(kind)s) that is not read here; choose a single X-ray or CT slice."
    ),
    "colour/dicom": _(
        "This DICOM image is in colour, and chest images are grey; export the original instead of a screen capture."
    ),
    "multi-frame": _("This DICOM file holds several frames; export the image or the slices as files of their own."),
    "body-part": _(
        "This DICOM image is marked as %(region)s, not as chest; choose a chest image, "
        "or correct the body part where the image was made."
    ),
    "missing-tag": _(
        "This DICOM file lacks %(keyword)s, without which it cannot be shown correctly; "
        "export it again from the system it came from."
    ),
    "missing-tag/rescale": _(
        "This DICOM file lacks RescaleSlope or RescaleIntercept, without which it cannot be shown correctly; "
        "export it again from the system it came from."
    ),
    "pixel-type/dicom": _(
        "This DICOM image stores its pixels in an unusual way that is not read here; "
        "export it with 8 or 16 bits per pixel."
    ),
    "transfer-syntax": _(
        "This DICOM file is compressed in a way that is not read here (%(syntax)s); "
        "export it uncompressed or as JPEG 2000."
    ),
    "pixel-length": _(
        "The image in this DICOM file is shorter or longer than its header says, so it is incomplete or damaged; "
        "send or export it again."
    ),
    "no-pixels": _("This DICOM file holds no image, only a description; choose the image file itself."),
}

# Raised no more, because such images are kept: for rows that name them.
FORMER_SENTENCES = {
    "view": _(
        "This is a lateral or oblique view, and the classifiers know frontal X-rays only; upload the PA or AP view."
    ),
    "localizer": _("This CT image is the scout view for planning, not a slice; upload axial slices."),
    "not-axial": _("This CT image is coronal, sagittal or oblique; upload axial slices."),
    "not-hounsfield": _(
        "The values in this CT image are no Hounsfield units of a chest slice (air and soft tissue are both expected); "
        "export the original axial slice."
    ),
}
