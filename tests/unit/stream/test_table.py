"""The table of open streams."""

from __future__ import annotations

from functools import partial
from typing import Any

from p2plab.stream import NetStream
from p2plab.stream.table import StreamTable
from p2plab.typing import Connection, Direction, PeerId
from tests.unit.stream.toy import ToyRuntime, raw_pair


def stream(table: StreamTable, peer: str, protocol: str, connection: int = 1, inbound: bool = False) -> NetStream:
    """An open stream of the table."""
    runtime = ToyRuntime()
    raw: Any = raw_pair(runtime)[1 if inbound else 0]
    direction: Direction = "inbound" if inbound else "outbound"
    raw.protocol = protocol
    raw.connection = Connection(connection, PeerId("me"), PeerId(peer), direction, "toy", "", "", "", "", 0.0)
    opened = NetStream(raw, runtime, ended=table.discard)
    table.add(opened)
    return opened


def test_streams_are_found_by_peer_protocol_and_connection() -> None:
    table = StreamTable()
    one = stream(table, "bob", "/a", 1)
    two = stream(table, "bob", "/b", 2)
    three = stream(table, "carol", "/a", 3)
    assert list(table) == table.find() == [one, two, three]
    assert table.find(peer="bob") == [one, two]
    assert table.find(protocol="/a") == [one, three]
    assert table.find(peer="bob", protocol="/b") == table.find(connection=2) == [two]
    assert table.find(peer="dave") == []


def test_a_stream_leaves_when_it_ends_however_that_is() -> None:
    table = StreamTable()
    for end in (NetStream.close, NetStream.reset):
        opened = stream(table, "bob", "/a")
        ToyRuntime().run(partial(end, opened))
        assert len(table) == 0
    opened = stream(table, "bob", "/a")
    opened.torn_down("connection closed")
    table.discard(opened)
    assert list(table) == []


def test_inbound_streams_are_counted_by_peer_and_protocol() -> None:
    table = StreamTable()
    opened = [stream(table, "bob", "/a", inbound=True) for _ in range(3)]
    stream(table, "bob", "/a")
    stream(table, "bob", "/b", inbound=True)
    assert (table.inbound("bob", "/a"), table.inbound("bob", "/b"), table.inbound("carol", "/a")) == (3, 1, 0)
    for each in opened:
        table.discard(each)
    assert table.inbound("bob", "/a") == 0
