"""Read an ONNX file without its bytes coming near this process: another one, which is shut in, parses it (ADR 0232).

What that one answers is believed in nothing: its operations are built one by one from kinds that are known, and the
network that they make has to be one image in, one row out, as if nobody had looked.
"""

from pathlib import Path

from ml.confinement.wire import Message
from ml.importing.contained import Bounds, ask
from ml.importing.refusal import ImportRefused, require
from ml.onnx.graph import build
from ml.onnx.network import Layout, Opened, opened

INSIDE = "ml.onnx.inside"
# VGG16 with its original head has 0.55 GB; a message of Protocol Buffers ends at twice this anyway.
LARGEST_FILE = 1024**3
# One of 0.54 GB takes 20 on two busy cores
SECONDS = 300.0
# Address space: OpenVINO, and its weights as the file, as parsed, in the model and in the answer
LIBRARIES, COPIES = 1024**3, 4
# Of the answer, beside the weights: what joins them, and integers that are packed in the file
OTHERS = 64 * 1024**2


def read(path: Path, size: tuple[int, int] | None, layout: Layout | None) -> tuple[Opened, int]:
    """The network of a file, and how many numbers its weights are; `size` and `layout` as in `open_network`.

    Raises FileNotFoundError, and ImportRefused for what an import does not take.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file. Give the .onnx file that was exported.")
    held = path.stat().st_size
    require(held <= LARGEST_FILE, f"{path.name} is larger than 1 GiB.")
    bounds = Bounds(LIBRARIES + COPIES * held, SECONDS, held + OTHERS)
    return _built(ask(INSIDE, path, {"size": size, "layout": layout}, bounds))


def _built(message: Message) -> tuple[Opened, int]:
    note, told, constants = message
    try:
        height, width = (int(side) for side in note["size"])
        layout, channels, parameters = Layout(note["layout"]), int(note["channels"]), int(note["parameters"])
    except (KeyError, TypeError, ValueError) as error:
        raise ImportRefused("What was read of the file makes no network.") from error
    return opened(build(told, constants), (height, width), layout, channels), parameters
