from __future__ import annotations

import uuid

import pytest

from diagnosis.interchange.uids import key_of, of_key, own_or_made


def test_what_names_no_uid_has_one_that_leads_back_to_its_key() -> None:
    key = uuid.uuid4()
    assert own_or_made("1.2.3", key) == "1.2.3"
    assert own_or_made("", key) == of_key(key)
    assert key_of(of_key(key)) == key


@pytest.mark.parametrize(
    "uid", ["", "2.25.", "2.25.x", "2.25.²", "2.25.-1", "1.2.25.7", str(2**127), f"2.25.{2**128}", f"2.25.{'9' * 5000}"]
)
def test_what_is_made_of_no_key_names_none(uid: str) -> None:
    assert key_of(uid) is None
