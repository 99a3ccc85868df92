"""Reads an ONNX file in a process that is shut in: `python -m ml.onnx.inside OPTIONS`, asked by `ml.onnx.reading`."""

from typing import IO, Any

from ml.importing.inside import Answer, answer_once
from ml.onnx.file import check
from ml.onnx.graph import describe
from ml.onnx.network import Layout, front_end, open_network


def read(wanted: dict[str, Any], file: IO[bytes]) -> Answer:
    """Check the file, open its network and say what it is. Raises ImportRefused as these do."""
    checked = check(file.read())
    size, layout = wanted["size"], wanted["layout"]
    opened = open_network(checked.data, tuple(size) if size else None, Layout(layout) if layout else None)
    note = {
        "size": opened.size,
        "layout": opened.layout,
        "channels": opened.channels,
        "parameters": checked.parameters,
    }
    return note, *describe(opened.model)


if __name__ == "__main__":
    front_end()
    answer_once(read)
