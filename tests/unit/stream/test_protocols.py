"""The table of the protocols that a node answers."""

from __future__ import annotations

import pytest

from p2plab.errors import ValidationError
from p2plab.stream import NetStream
from p2plab.stream.protocols import ProtocolTable


async def one(stream: NetStream) -> None:
    """A handler."""


async def other(stream: NetStream) -> None:
    """Another handler."""


def test_an_id_is_served_by_itself_before_a_range_serves_it() -> None:
    table = ProtocolTable()
    table.handle("/chat/1.x", one)
    table.handle("/chat/1.0.0", other)
    handlers = {name: served.handler for name in ("/chat/1.0.0", "/chat/1.4.0") if (served := table.served(name))}
    assert handlers == {"/chat/1.0.0": other, "/chat/1.4.0": one}
    assert table.served("/chat/2.0.0") is None
    assert list(table) == ["/chat/1.x", "/chat/1.0.0"]


def test_what_is_registered_again_replaces_and_what_is_removed_is_gone() -> None:
    table = ProtocolTable()
    table.handle("/a", one)
    table.handle("/a", other)
    served = table.served("/a")
    assert served is not None
    assert served.handler is other
    assert table.remove("/a")
    assert not table.remove("/a")
    assert table.match("/a") is None


def test_priorities_and_features_go_with_the_entry() -> None:
    table = ProtocolTable()
    table.handle("/file/1.x", one, features=["resume"], priority="bulk")
    table.handle("/chat/1.0.0", one)
    assert (table.priority("/file/1.2.0"), table.priority("/chat/1.0.0")) == ("bulk", "interactive")
    assert table.priority("/ipfs/ping/1.0.0") == "control"
    assert table.features() == {"/file/1.x": ("resume",)}


def test_a_mistake_changes_nothing() -> None:
    table = ProtocolTable()
    table.handle("/a", one)
    for protocol, handler, priority in (("/a", None, None), ("na", other, None), ("/a", other, "urgent")):
        with pytest.raises(ValidationError):
            table.handle(protocol, handler, priority=priority)  # type: ignore[arg-type]
    served = table.served("/a")
    assert served is not None
    assert served.handler is one
