"""Whatever is passed in that cannot be meant: an error that says what was wrong with what, and a lab as it was before.

All of it is tried on one lab, which is looked at after every attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import networkx
import pytest

from p2plab import Lab, Node
from p2plab.errors import (
    AddressError,
    ConfigurationError,
    DialError,
    LabError,
    PeerIdError,
    UnknownNodeError,
    ValidationError,
)
from p2plab.pubsub import Subscription
from p2plab.stream import BlockingStream, NetStream
from tests.unit.interface.conftest import BACKENDS

NOBODY = "12D3KooWGRUfvqMAzYbVY2DBjTZyb7Tk6r8sQk5xzKDkA1nHkaVZ"


async def echo(stream: NetStream) -> None:
    while data := await stream.read():
        await stream.write(data)


class Sturdy:
    """A lab with something of everything in it."""

    def __init__(self, lab: Lab, stranger: Node) -> None:
        self.lab = lab
        self.stranger = stranger
        self.alice, self.bob = lab.start_node("alice"), lab.start_node("bob")
        self.alice.connect(self.bob)
        self.bob.handle("/echo/1.0.0", echo)
        self.news: Subscription = self.bob.subscribe("news")
        self.stream: BlockingStream = self.alice.open_stream(self.bob, "/echo/1.0.0")
        assert lab.run_until(lambda: self.alice.topic_peers("news"), timeout=20)
        # Two ends of one stream: what told alice of the new protocol is over.
        assert lab.run_until(lambda: len(self.alice.streams()) + len(self.bob.streams()) == 2, timeout=20)

    def state(self) -> list[Any]:
        """What an attempt might have changed."""
        nodes = self.lab.nodes
        return [
            [(str(node), node.running, node.protocols(), node.topics(), node.addresses) for node in nodes],
            [(connection.id, connection.direction) for node in nodes for connection in node.connections()],
            [sorted(map(str, node.known_peers())) for node in nodes],
            [(stream.protocol, stream.state) for node in nodes for stream in node.streams()],
            self.lab.edges(),
            len(self.news.messages),
            len(self.lab.events.filter(kind="pubsub.publish")),
        ]


@pytest.fixture(scope="module", params=BACKENDS)
def sturdy(request: pytest.FixtureRequest) -> Iterator[Sturdy]:
    with Lab(request.param, seed=7) as lab, Lab(request.param, seed=8) as other:
        yield Sturdy(lab, other.start_node("bob"))


@pytest.fixture(autouse=True)
def unharmed(sturdy: Sturdy) -> Iterator[None]:
    before = sturdy.state()
    yield
    assert sturdy.state() == before
    sturdy.stream.write(b"still here")
    assert sturdy.stream.read_exactly(10) == b"still here"
    assert sturdy.alice.ping(sturdy.bob) > 0


Verb = Callable[[Sturdy, Any], object]
NO_SECONDS = [-1, float("nan"), float("inf"), "1", True]
NO_PEERS: list[tuple[object, type[LabError], str]] = [
    ("nobody", UnknownNodeError, "'nobody'"),
    ("", UnknownNodeError, "''"),
    ("bob ", UnknownNodeError, "'bob '"),
    ("12D3KooWnotthatofanynodeIhaveeverheardofbefore", PeerIdError, "not a peer id"),
    (NOBODY[:-1] + "0", PeerIdError, NOBODY[:10]),
    ("/ip4/zz/tcp/4001", AddressError, "/ip4/zz"),
    ("/ip4/127.0.0.1/tcp", AddressError, "/ip4/127.0.0.1/tcp"),
    ("/ip4/127.0.0.1/tcp/99999", AddressError, "99999"),
    ("/", AddressError, "'/'"),
    (f"/ip4/127.0.0.1/tcp/1/p2p/{NOBODY[:-4]}", AddressError, "p2p"),
    ("alice", DialError, "alice cannot dial itself"),
    (None, ValidationError, "None"),
    (5, ValidationError, "5"),
    (b"bob", ValidationError, "b'bob'"),
]


@pytest.mark.parametrize("verb", ["connect", "ping", "identify", "open_stream"])
@pytest.mark.parametrize(("peer", "error", "message"), NO_PEERS, ids=lambda value: str(value)[:24])
def test_what_is_no_peer(sturdy: Sturdy, verb: str, peer: object, error: type[LabError], message: str) -> None:
    more = ["/echo/1.0.0"] if verb == "open_stream" else []
    with pytest.raises(error) as raised:
        getattr(sturdy.alice, verb)(peer, *more)
    assert message in str(raised.value)


@pytest.mark.parametrize("verb", ["disconnect", "connections", "streams", "unblock"])
@pytest.mark.parametrize("peer", ["nobody", "", 5, b"bob"])
def test_what_is_no_peer_to_be_connected_with(sturdy: Sturdy, verb: str, peer: object) -> None:
    with pytest.raises((UnknownNodeError, ValidationError)) as raised:
        getattr(sturdy.alice, verb)(peer)
    assert repr(peer) in str(raised.value)


@pytest.mark.parametrize("verb", ["connect", "disconnect", "ping", "identify", "connections"])
def test_a_node_of_another_lab(sturdy: Sturdy, verb: str) -> None:
    with pytest.raises(ValidationError, match="bob is a node of another lab"):
        getattr(sturdy.alice, verb)(sturdy.stranger)


@pytest.mark.parametrize("verb", ["connect", "ping", "identify"])
@pytest.mark.parametrize("timeout", NO_SECONDS)
def test_what_is_no_timeout_of_a_verb(sturdy: Sturdy, verb: str, timeout: float) -> None:
    with pytest.raises(ValidationError, match="timeout must be a number of seconds"):
        getattr(sturdy.alice, verb)(sturdy.bob, timeout=timeout)


def test_what_does_not_get_into_the_address_book(sturdy: Sturdy) -> None:
    with pytest.raises(AddressError, match="nowhere"):
        sturdy.alice.register_peer(NOBODY, [*sturdy.bob.addresses, "nowhere"])
    with pytest.raises(PeerIdError, match="not a peer id"):
        sturdy.alice.register_peer("bob!", sturdy.bob.addresses)


@pytest.mark.parametrize("name", ["", " ", " alice", "a/b", "a\nb", "\u202ealice", "x" * 65, 5, None, b"alice"])
def test_what_cannot_be_a_name(sturdy: Sturdy, name: str) -> None:
    with pytest.raises(ValidationError, match="name"):
        sturdy.lab.start_node(name)


@pytest.mark.parametrize("count", [-1, 1.5, True, "3", None])
def test_what_is_no_number_of_nodes(sturdy: Sturdy, count: int) -> None:
    with pytest.raises(ValidationError, match="whole number") as raised:
        sturdy.lab.start_nodes(count)
    assert repr(count) in str(raised.value)


def test_settings_other_than_before(sturdy: Sturdy) -> None:
    with pytest.raises(ConfigurationError, match=r"'alice' runs already.*colour.*lab\['alice'\]"):
        sturdy.lab.start_node("alice", colour="red")


def test_a_setting_that_no_node_has_is_named_beside_those_there_are(sturdy: Sturdy) -> None:
    with pytest.raises(ValidationError, match=r"no setting 'colour'; it takes \w+"):
        sturdy.lab.start_nodes(3, colour="red")


WIRINGS: list[tuple[object, dict[str, object], str]] = [
    ("pentagram", {}, "cannot wire 'pentagram': take one of ring, line"),
    ("rnig", {"degree": 2}, r"cannot wire 'rnig': did you mean ring\?"),
    ("ring", {"degree": 2}, r"degree=2 goes with wire\('random'\)"),
    ("random", {"degree": 0}, "degree must be a whole number from 1 up, not 0"),
    ("random", {"degree": 1.5}, r"not 1\.5"),
    ("random", {"degree": 2}, "degree 2 needs at least 3 nodes; there are 2"),
    (None, {}, "cannot wire None"),
    ("line", {"nodes": ["bob", "bob"]}, "named twice"),
    ("line", {"nodes": ["bob", "carol"]}, "no node of this lab is 'carol'"),
    (networkx.path_graph(5), {}, "the graph has 5 nodes and the lab 2"),
]


@pytest.mark.parametrize(("shape", "options", "message"), WIRINGS, ids=lambda value: str(value)[:24])
def test_what_cannot_be_wired(sturdy: Sturdy, shape: object, options: dict[str, Any], message: str) -> None:
    with pytest.raises((ValidationError, UnknownNodeError), match=message):
        sturdy.lab.wire(shape, **options)


def test_nodes_that_are_not_this_lab_s_to_wire(sturdy: Sturdy) -> None:
    with pytest.raises(ValidationError, match="bob is a node of another lab"):
        sturdy.lab.wire("line", nodes=["alice", sturdy.stranger])


@pytest.mark.parametrize("protocol", ["echo", "", "/a\nb", 5, None, b"/echo", "/" + "x" * 1024, "/\udc80"])
def test_what_is_no_protocol_id(sturdy: Sturdy, protocol: str) -> None:
    verbs: list[Callable[[], object]] = [
        lambda: sturdy.bob.handle(protocol, echo),
        lambda: sturdy.bob.remove_handler(protocol),
        lambda: sturdy.alice.open_stream(sturdy.bob, protocol),
        lambda: sturdy.alice.open_stream(sturdy.bob, ["/echo/1.0.0", protocol]),
    ]
    for verb in verbs:
        with pytest.raises(ValidationError, match="protocol"):
            verb()


def test_a_stream_needs_a_protocol(sturdy: Sturdy) -> None:
    with pytest.raises(ValidationError, match="at least one protocol"):
        sturdy.alice.open_stream(sturdy.bob, [])


def plain(stream: NetStream) -> None:
    """Not a coroutine function."""


@pytest.mark.parametrize("handler", [plain, None, "echo", 5, object()], ids=lambda value: str(value)[:8])
def test_what_is_no_handler(sturdy: Sturdy, handler: Any) -> None:
    with pytest.raises(ValidationError, match=r"handler|coroutine function"):
        sturdy.bob.handle("/other/1.0.0", handler)


@pytest.mark.parametrize("n", [0, -1, 1.5, "3", None])
def test_what_is_no_number_of_bytes_to_read(sturdy: Sturdy, n: int) -> None:
    with pytest.raises(ValidationError, match="number of bytes"):
        sturdy.stream.read(n)


@pytest.mark.parametrize("data", ["text", 5, None, ["x"]])
def test_what_cannot_be_written(sturdy: Sturdy, data: Any) -> None:
    with pytest.raises(ValidationError, match=f"bytes, not {type(data).__name__}"):
        sturdy.stream.write(data)


@pytest.mark.parametrize("topic", ["", 5, None, b"news", "x" * 1025, "\udc80"])
def test_what_is_no_topic(sturdy: Sturdy, topic: str) -> None:
    alice = sturdy.alice
    verbs: list[Callable[[], object]] = [
        lambda: alice.subscribe(topic),
        lambda: alice.publish(topic, b"x"),
        lambda: alice.topic_peers(topic),
        lambda: alice.add_validator(topic, lambda message: True),
    ]
    for verb in verbs:
        with pytest.raises(ValidationError, match="topic"):
            verb()


@pytest.mark.parametrize(
    "data", [5, None, ["x"], {"a": 1}, 1.5, bytes((1 << 20) + 1), "\udc80"], ids=lambda value: type(value).__name__
)
def test_what_cannot_be_published(sturdy: Sturdy, data: Any) -> None:
    with pytest.raises(ValidationError, match=r"data|bytes"):
        sturdy.alice.publish("news", data)


@pytest.mark.parametrize("validator", [None, "accept", 5])
def test_what_is_no_validator(sturdy: Sturdy, validator: Any) -> None:
    with pytest.raises(ValidationError, match="validator is a function"):
        sturdy.bob.add_validator("news", validator)


@pytest.mark.parametrize("timeout", NO_SECONDS)
def test_what_is_no_time_to_wait_for_a_message(sturdy: Sturdy, timeout: float) -> None:
    with pytest.raises(ValidationError, match="timeout is a number of seconds"):
        sturdy.news.get(timeout=timeout)


@pytest.mark.parametrize("seconds", [*NO_SECONDS, None])
def test_what_is_no_time(sturdy: Sturdy, seconds: Any) -> None:
    with pytest.raises(ValidationError, match="must be a number of seconds"):
        sturdy.lab.run(seconds)
    with pytest.raises(ValidationError, match="must be a number of seconds"):
        sturdy.lab.run_until(seconds)
    if seconds is not None:
        with pytest.raises(ValidationError, match="timeout must be a number of seconds"):
            sturdy.lab.run_until(lambda: True, timeout=seconds)


@pytest.mark.parametrize("speed", [0, -1, float("nan"), "fast", None, True])
def test_what_is_no_speed(sturdy: Sturdy, speed: Any) -> None:
    with pytest.raises(ValidationError, match="speed must be a number above 0"):
        sturdy.lab.play(speed)


@pytest.mark.parametrize("subject", [5, "alice", None, ZeroDivisionError(), object()], ids=lambda value: str(value)[:8])
def test_what_has_no_reason(sturdy: Sturdy, subject: object) -> None:
    with pytest.raises(ValidationError, match="why takes an event, a message"):
        sturdy.lab.why(subject)


def test_a_node_there_is_not(sturdy: Sturdy) -> None:
    with pytest.raises(UnknownNodeError, match="no node of this lab is 'carol'; it has alice, bob") as raised:
        sturdy.lab["carol"]
    assert isinstance(raised.value, KeyError)
