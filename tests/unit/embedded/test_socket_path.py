import os
from pathlib import Path

from portal.embedded.socket_path import LONGEST, socket_path


def test_lies_below_the_data_folder() -> None:
    assert socket_path(Path("/srv/portal")) == Path("/srv/portal/broker/broker.sock")


def test_relative_folder_becomes_absolute() -> None:
    assert socket_path(Path("var")).is_absolute()


def test_path_that_the_kernel_refuses_is_replaced_by_a_short_one() -> None:
    deep = Path("/srv") / ("é" * 60) / "var"  # 120 bytes, 60 letters
    path = socket_path(deep)
    assert len(os.fsencode(path)) <= LONGEST
    assert path == socket_path(deep), "every process must find the same one"
    assert path != socket_path(deep / "other")
