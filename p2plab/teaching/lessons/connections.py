"""Lesson 02: connections, streams, protocols."""

from __future__ import annotations

from typing import Any, Final

from p2plab.errors import LabError, ValidationError
from p2plab.events import Event, EventLog
from p2plab.teaching.exercises import Verdict, exercise
from p2plab.teaching.networks import log_of

__all__: list[str] = []

REVERSE: Final = "/reverse/1.0.0"
WORDS: Final = (b"libp2p", b"to be or not to be", bytes(range(32, 96)))
SECONDS: Final = 5.0  # of lab time, for one answer
OURS: Final = ("/ipfs/", "/meshsub/", "/floodsub/", "/p2plab/", "/libp2p/")  # protocols that nodes speak by themselves


def _own(event: Event) -> str:
    """The protocol of a stream that a learner opened; empty for one that nodes open by themselves."""
    protocol = str((event.data or {}).get("protocol", ""))
    return "" if protocol.startswith(OURS) else protocol


def _opened(log: EventLog) -> list[Event]:
    """The streams of protocols of one's own, at the end that opened them."""
    found = log.filter(kind="stream.opened")
    return [event for event in found if (event.data or {}).get("direction") == "outbound" and _own(event)]


@exercise("02.1", "a lab in which a dial fails because the peer proved to be somebody else than the address says")
def _wrong_peer(answer: Any) -> Verdict:
    log = log_of(answer)
    failed = log.filter(kind="connection.failed")
    for event in failed:
        if event.reason == "wrong peer":
            return Verdict(
                True, f"{event.node} wanted {event.peer or 'another peer'}, and noticed that it was not there"
            )
    if not log.filter(kind="connection.dialled"):
        return Verdict(False, "nobody dialled anybody: node.connect(address)")
    if not failed:
        return Verdict(False, "each dial of this lab succeeded: who answered was who the address says. Behind /p2p/ "
                       "an address can ask for somebody else")  # fmt: skip
    return Verdict(
        False,
        f"a dial failed, but because of this: {failed[-1].reason}. Somebody has to answer there: take the address "
        "of one node and the peer id of another",
    )


@exercise("02.2", "a lab in which two streams of two protocols of one's own are open at once over one connection")
def _multiplexed(answer: Any) -> Verdict:
    log = log_of(answer)
    opened = _opened(log)
    if not opened:
        return Verdict(False, "nobody opened a stream of a protocol of one's own: node.open_stream(peer, [protocol])")
    if len({_own(event) for event in opened}) < 2:
        return Verdict(False, f"all streams are of {_own(opened[0])}: let the peer answer another protocol, too")
    ends: dict[tuple[Any, Any], int] = {}
    for kind in ("stream.closed", "stream.reset"):
        for event in log.filter(kind=kind):
            ends.setdefault((event.node, (event.data or {}).get("stream")), event.seq)
    seen = ""
    for place, one in enumerate(opened):
        until = ends.get((one.node, (one.data or {}).get("stream")))
        for other in opened[place + 1 :]:
            if _own(one) == _own(other):
                continue
            if (one.node, one.peer) != (other.node, other.peer):
                seen = seen or f"{_own(one)} and {_own(other)} go between different pairs of nodes: take the same pair"
            elif until is not None and until < other.seq:
                seen = f"{_own(one)} was closed before {_own(other)} was opened: keep both open"
            elif any(
                event.seq > one.seq and event.seq < other.seq
                for event in log.filter(kind="connection.opened", node=one.node, peer=one.peer)
            ):
                seen = f"{one.node} and {one.peer} connected anew between the two: one connection is enough"
            else:
                return Verdict(True, f"{_own(one)} and {_own(other)} share the connection of {one.node} and {one.peer}")
    return Verdict(False, seen)


@exercise("02.3", f"a lab with a node that answers {REVERSE}: it sends back what it was sent, the last byte first")
def _reverses(answer: Any) -> Verdict:
    log_of(answer)
    if not hasattr(answer, "fork"):
        raise ValidationError("this takes a mock lab that can go on")
    servers = [node.name for node in answer.nodes if REVERSE in node.protocols()]
    if not servers:
        return Verdict(False, f"no node answers {REVERSE}: node.handle({REVERSE!r}, handler)")
    with answer.fork() as copy:  # what the check does happens in a copy: the learner's lab stays as it is
        visitor = copy.start_node("a visitor who checks")
        for word in WORDS:
            try:
                stream = visitor.open_stream(servers[0], [REVERSE])
                stream.set_deadline(SECONDS)
                stream.write(word)
                stream.close_write()
                got = b""
                while part := stream.read():
                    got += part
            except LabError as error:
                raised = copy.events.filter(kind="error", node=servers[0])
                why = str((raised[-1].data or {}).get("text", "")) if raised else ""
                told = f"{why}{_what_it_means(why)}"
                return Verdict(
                    False, f"{servers[0]} did not answer {word[:20]!r}: {error}{f' ({told})' if told else ''}"
                )
            if not got:
                return Verdict(
                    False,
                    f"{servers[0]} wrote nothing in answer to {word[:20]!r}: `await stream.write(...)` sends; what a "
                    "handler returns goes nowhere, and without `await` nothing happens",
                )
            if got != word[::-1]:
                return Verdict(
                    False, f"to {word[:20]!r}, {servers[0]} answered {got[:20]!r}, and not {word[::-1][:20]!r}"
                )
    return Verdict(True, f"{servers[0]} gave three right answers to somebody it did not know")


def _what_it_means(text: str) -> str:
    """A hint for an error of a handler that does not say what to do."""
    if "coroutine" in text:
        return ": an `await` is missing"
    if "into a message" in text:
        return ": it waits for whole messages; the check sends plain bytes, for `handle` and `stream.read()`"
    return ""


@exercise("02.4", "a lab in which a node agrees on version 2.0.0 of a protocol with one peer, and, offered the same "
          "versions, on 1.0.0 with another")  # fmt: skip
def _versions(answer: Any) -> Verdict:
    log = log_of(answer)
    opened = [event for event in _opened(log) if _own(event).endswith(("/1.0.0", "/2.0.0"))]
    if not opened:
        return Verdict(False, "nobody opened a stream of a protocol that ends in /1.0.0 or /2.0.0")
    newer = [event for event in opened if _own(event).endswith("/2.0.0")]
    older = [event for event in opened if _own(event).endswith("/1.0.0")]
    if not newer or not older:
        return Verdict(
            False, f"all streams are of version {_own(opened[0]).rsplit('/', 1)[1]}: one peer speaks the other"
        )
    wrong = "the two versions are of different protocols"
    for new in newer:
        for old in older:
            if _own(new)[:-5] != _own(old)[:-5]:
                continue
            if new.node != old.node:
                wrong = f"{new.node} opened the one and {old.node} the other: one node should talk to both peers"
            elif new.peer == old.peer:
                wrong = f"{new.peer} speaks both versions: leave it to two peers"
            elif _time(old) < 1.2 * _time(new):
                wrong = (
                    f"{old.peer} was offered 1.0.0 alone, or first: its negotiation took no longer. Offer both "
                    "peers the same list, the newest first"
                )
            else:
                return Verdict(True, f"{old.peer} refused 2.0.0 first, which took a round trip more")
    return Verdict(False, wrong)


def _time(event: Event) -> float:
    return float((event.data or {}).get("negotiation", 0.0))
