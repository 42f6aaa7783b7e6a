"""The table of roles, and what announces one: read strictly, changed within bounds."""

from __future__ import annotations

from typing import Any

import pytest

from p2plab.errors import ProtocolViolation, ValidationError
from p2plab.roles import Role, RoleTable
from p2plab.roles.role import read_announcement, role_protocol, written


def test_the_names_of_the_seeds_cluster_stand_for_roles() -> None:
    table = RoleTable()
    assert [table[name].name for name in ("master", "worker", "leecher")] == ["bootstrap", "pinner", "fetcher"]
    assert "worker" in table
    assert "farmer" not in table
    with pytest.raises(ValidationError, match="did you mean pinner"):
        table["pinnr"]


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Pinner"},
        {"name": ""},
        {"name": "a" * 33},
        {"name": "x", "serves": "everything"},
        {"name": "x", "serves": 5},
        {"name": "x", "serves": ("dht",), "refuses": ("dht",)},
        {"name": "x", "announced_by": ("drum",)},
        {"name": "x", "about": "a" * 201},
    ],
    ids=["upper case", "empty", "long", "unknown service", "no list", "both", "unknown way", "long text"],
)
def test_what_is_no_role_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Role(**fields)


def test_a_role_of_ones_own_is_taken_once_and_an_alias_cannot_be_taken() -> None:
    table = RoleTable()
    own = Role("archivist", serves="dht")  # type: ignore[arg-type]  # one word does too
    assert own.serves == ("dht",)
    table.put(own)
    assert table.given(own) is own
    assert table.given("archivist") is own
    with pytest.raises(ValidationError, match="another role"):
        table.given(Role("archivist"))
    with pytest.raises(ValidationError, match="another name"):
        table.given(Role("worker"))
    with pytest.raises(ValidationError, match="Role"):
        table.given(5)


def test_an_announcement_says_the_role_and_a_relay_is_known_by_its_own_protocol() -> None:
    assert written(Role("pinner")) == b'{"role":"pinner"}'
    assert read_announcement(b'{"role":"pinner","more":1}') == "pinner"
    assert role_protocol("pinner") == "/p2plab/role/pinner"
    assert role_protocol("relay") is None


@pytest.mark.parametrize(
    "data",
    [b"", b"pinner", b"[]", b'{"role":5}', b'{"role":"<b>"}', b"[" * 200, b'{"role":"a"}' + b" " * 300, b"\xff\xfe"],
    ids=repr,
)
def test_a_bad_announcement_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        read_announcement(data)
