"""The exercises of lesson 02: what is accepted, and what each hint says."""

from __future__ import annotations

import contextlib
import runpy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import DialError
from p2plab.teaching.exercises import find

SOLUTIONS = runpy.run_path(str(Path(__file__).parents[3] / "notebooks" / "solutions" / "02_connections.py"))
echo, reverse = SOLUTIONS["echo"], SOLUTIONS["reverse"]


def trio(**settings: Any) -> Lab:
    lab = Lab(seed=2, **settings)
    for name in ("alice", "bob", "carol"):
        lab.start_node(name)
    return lab


def misled(of: str = "bob", name: str = "carol", by: str = "alice", crash: bool = False, **settings: Any) -> Lab:
    """A dial to where one node is, with the peer id of another."""
    lab = trio(**settings)
    place = lab[of].addresses[0].rsplit("/p2p/", 1)[0]
    if crash:
        lab[of].crash()
    with contextlib.suppress(DialError):
        lab[by].connect(f"{place}/p2p/{lab[name].peer_id}")
    return lab


def moved() -> Lab:
    """Bob left, and somebody else has his place now."""
    lab = Lab(seed=2)
    alice, bob = lab.start_node("alice"), lab.start_node("bob", ip="11.0.0.9", port=4001)
    address = bob.addresses[0]
    alice.connect(address)
    other = lab.start_node("other", ip="11.0.0.10", port=4001)
    with contextlib.suppress(DialError):
        alice.connect(address.replace("11.0.0.9", "11.0.0.10"))
    assert not other.connections()
    alice.disconnect(bob)
    with contextlib.suppress(DialError):
        alice.connect(address.replace("11.0.0.9", "11.0.0.10"))
    return lab


def connected() -> Lab:
    lab = trio()
    lab["alice"].connect("bob")
    return lab


def streams(*opened: tuple[str, str, str], close: bool = False, again: bool = False, **settings: Any) -> Lab:
    """Streams (who opens, to whom, protocol), of which the first is closed, or everything is connected anew."""
    lab = trio(**settings)
    for place, (by, to, protocol) in enumerate(opened):
        lab[to].handle(protocol, echo)
        stream = lab[by].open_stream(to, [protocol])
        if place == 0 and close:
            stream.close()
            lab.run(1)
        if place == 0 and again:
            lab[by].disconnect(to)
            lab.run(1)
    return lab


def answering(handler: Any, protocol: str = "/reverse/1.0.0", node: str = "bob", **settings: Any) -> Lab:
    lab = trio(**settings)
    lab[node].handle(protocol, handler)
    return lab


async def in_pieces(stream: Any) -> None:
    text = b""
    while data := await stream.read(1):
        text = data + text
    for place in range(0, len(text), 5):
        await stream.write(text[place : place + 5])


async def by_list(stream: Any) -> None:
    text = []
    while data := await stream.read():
        text.extend(data)
    text.reverse()
    await stream.write(bytes(text))
    await stream.close()


async def first_part_only(stream: Any) -> None:
    await stream.write((await stream.read(4))[::-1])


async def raising(stream: Any) -> None:
    raise RuntimeError("out of ink")


async def mute(stream: Any) -> None:
    await p2plab.sleep(60)


async def without_await(stream: Any) -> None:
    data = stream.read()
    try:
        await stream.write(data[::-1])
    finally:
        data.close()


async def returning(stream: Any) -> bytes:
    return bytes((await stream.read())[::-1])


async def in_messages(stream: Any) -> None:
    await stream.write_message((await stream.read_message())[::-1])


def used_before() -> Lab:
    lab = answering(reverse)
    stream = lab["alice"].open_stream("bob", ["/reverse/1.0.0"])
    stream.write(b"abc")
    stream.close()
    lab.run(1)
    return lab


def versions(
    bob: str = "/chat/2.0.0",
    carol: str = "/chat/1.0.0",
    offer: Sequence[str] = ("/chat/2.0.0", "/chat/1.0.0"),
    second: Sequence[str] | None = None,
    by: str = "alice",
    **settings: Any,
) -> Lab:
    lab = trio(**settings)
    lab["bob"].handle(bob, echo)
    lab["carol"].handle(carol, echo)
    lab["alice"].open_stream("bob", list(offer))
    lab[by].open_stream("carol", list(offer if second is None else second))
    return lab


def of_one_peer() -> Lab:
    lab = trio()
    lab["bob"].handle("/chat/2.0.0", echo)
    lab["bob"].handle("/chat/1.0.0", echo)
    for version in ("/chat/2.0.0", "/chat/1.0.0"):
        lab["alice"].open_stream("bob", [version])
    return lab


RIGHT: list[tuple[str, str, Callable[[], Any]]] = [
    ("02.1", "the solution", SOLUTIONS["wrong_peer"]),
    ("02.1", "other nodes", lambda: misled(of="carol", name="alice", by="bob")),
    ("02.1", "over a slow link", lambda: misled(latency=0.3)),
    ("02.1", "over quic", lambda: misled(transport="quic")),
    ("02.1", "somebody else at the place", moved),
    ("02.2", "the solution", SOLUTIONS["multiplexed"]),
    ("02.2", "three", lambda: streams(*((("alice", "bob", f"/{word}/1.0.0")) for word in "abc"))),
    (
        "02.2",
        "the second and the third",
        lambda: streams(*(("alice", "bob", f"/{c}/1.0.0") for c in "abc"), close=True),
    ),
    ("02.2", "other names", lambda: streams(("carol", "bob", "/x/7"), ("carol", "bob", "/y/8"))),
    ("02.2", "another latency", lambda: streams(("alice", "bob", "/x/1"), ("alice", "bob", "/y/1"), latency=0.2)),
    ("02.3", "the solution", SOLUTIONS["reverses"]),
    ("02.3", "byte by byte", lambda: answering(in_pieces)),
    ("02.3", "a list", lambda: answering(by_list)),
    ("02.3", "another node", lambda: answering(reverse, node="carol", latency=0.2)),
    ("02.3", "a lab that was used before", used_before),
    ("02.4", "the solution", SOLUTIONS["versions"]),
    ("02.4", "another protocol", lambda: versions("/x/2.0.0", "/x/1.0.0", ("/x/2.0.0", "/x/1.0.0"))),
    ("02.4", "the older one at bob", lambda: versions("/chat/1.0.0", "/chat/2.0.0")),
    ("02.4", "three versions", lambda: versions(offer=("/chat/3.0.0", "/chat/2.0.0", "/chat/1.0.0"))),
    ("02.4", "another latency", lambda: versions(latency=0.2)),
]

WRONG: list[tuple[str, str, Callable[[], Any]]] = [
    ("02.1", "the answer is a lab", lambda: None),
    ("02.1", "nobody dialled anybody", trio),
    ("02.1", "each dial of this lab succeeded", connected),
    ("02.1", "a dial failed, but because of this", lambda: misled(crash=True)),
    ("02.1", "each dial of this lab succeeded: who", lambda: streams(("alice", "bob", "/x/1"))),
    ("02.2", "the answer is a lab", lambda: "alice"),
    ("02.2", "nobody opened a stream of a protocol of one's own", connected),
    ("02.2", "let the peer answer another", lambda: streams(("alice", "bob", "/x/1"), ("alice", "bob", "/x/1"))),
    ("02.2", "was closed before", lambda: streams(("alice", "bob", "/x/1"), ("alice", "bob", "/y/1"), close=True)),
    ("02.2", "different pairs", lambda: streams(("alice", "bob", "/x/1"), ("alice", "carol", "/y/1"))),
    ("02.2", "before /y/1 was opened", lambda: streams(("alice", "bob", "/x/1"), ("alice", "bob", "/y/1"), again=True)),
    ("02.3", "the answer is a lab", lambda: reverse),
    ("02.3", "no node answers /reverse/1.0.0", trio),
    ("02.3", "no node answers /reverse/1.0.0:", lambda: answering(reverse, "/reverse/2.0.0")),
    ("02.3", "answered b'libp2p', and not b'p2pbil'", lambda: answering(echo)),
    ("02.3", "answered b'pbil'", lambda: answering(first_part_only)),
    ("02.3", "out of ink", lambda: answering(raising)),
    ("02.3", "deadline has passed", lambda: answering(mute)),
    ("02.3", "an `await` is missing", lambda: answering(without_await)),
    ("02.3", "what a handler returns goes nowhere", lambda: answering(returning)),
    ("02.3", "it waits for whole messages", lambda: answering(in_messages)),
    ("02.4", "the answer is a lab", lambda: 2),
    ("02.4", "nobody opened a stream", connected),
    ("02.4", "all streams are of version 2.0.0", lambda: versions(carol="/chat/2.0.0")),
    ("02.4", "was offered 1.0.0 alone", lambda: versions(second=("/chat/1.0.0",))),
    ("02.4", "different protocols", lambda: versions(carol="/talk/1.0.0", second=("/chat/1.0.0", "/talk/1.0.0"))),
    ("02.4", "one node should talk to both", lambda: versions(by="bob")),
    ("02.4", "leave it to two peers", of_one_peer),
]


@pytest.mark.parametrize(("name", "kind", "build"), RIGHT, ids=[f"{name}: {kind}" for name, kind, _ in RIGHT])
def test_a_lab_that_does_what_was_asked_is_accepted(name: str, kind: str, build: Callable[[], Any]) -> None:
    verdict = find(name)(build())
    assert verdict, f"{kind}: {verdict}"


@pytest.mark.parametrize(("name", "hint", "build"), WRONG, ids=[f"{name}: {hint}" for name, hint, _ in WRONG])
def test_a_lab_that_does_not_is_told_what_is_wrong(name: str, hint: str, build: Callable[[], Any]) -> None:
    verdict = find(name)(build())
    assert not verdict, verdict
    assert hint in verdict.says


def test_a_check_that_visits_a_node_changes_nothing_in_the_learners_lab() -> None:
    lab = used_before()
    before, nodes = lab.events.digest(), [node.name for node in lab.nodes]
    for place in (1, 2, 3, 4):
        find(f"02.{place}")(lab)
    assert lab.events.digest() == before
    assert [node.name for node in lab.nodes] == nodes
