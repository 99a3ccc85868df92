import socket
from collections.abc import Iterator

import pytest

from portal.embedded import port
from portal.embedded.errors import CannotStart
from tests.ports import own_port


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_occupied_port_is_refused_with_a_sentence_that_names_another(listener: socket.socket) -> None:
    number = listener.getsockname()[1]
    with pytest.raises(CannotStart, match=rf"^Port {number} is in use .* PORT={number + 1} "):
        port.check_free("127.0.0.1", number)


def test_free_port_is_accepted() -> None:
    port.check_free("127.0.0.1", own_port())


def test_address_of_another_machine_is_refused() -> None:
    with pytest.raises(CannotStart, match="check HOST"):
        port.check_free("192.0.2.1", 8000)
