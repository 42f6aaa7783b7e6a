"""Logs of gossipsub-interop (libp2p/test-plans): a JSON object a line, of one node or of a folder of nodes.

What every implementation logs: ``time`` (RFC 3339) and ``msg``: "PeerID" at the start, with ``id`` and ``node_id``;
"Received Message", with ``id`` and, but for rust's duplicates, ``from`` and ``topic``, for every message of every RPC,
before it is validated; "All parts received", with ``group id``. go's program logs more: what else it receives and sends
("Sent Message", "Received Graft"...), and whole RPCs ("sent", "received") with subscriptions and the sizes of messages.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from p2plab.errors import EventLogError
from p2plab.events import EventLog
from p2plab.exports.readers.building import LogBuilder, reading
from p2plab.text import plural

__all__ = ["fits_interop", "read_interop"]

MOST_LINE: Final = 1 << 20
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:?\d\d)?")
_MESSAGES: Final = (b'"PeerID"', b'"Received Message"', b'"All parts received"')
RECEIPTS: Final = (
    "Receipts are logged before validation: a node's first receipt is taken for its delivery, at the same moment; a "
    "publisher's own delivery is not told."
)
NO_SENDERS: Final = (
    "The logs do not tell publications: a message begins with its first receipt, at the peer that it came from, and "
    "times count from there."
)
SENDERS: Final = (
    "The logs do not tell publications: the node that sent a message without having received it is taken for its "
    "publisher, from when it sent it first."
)
_MESSAGE: Final = re.compile(rb'"dataPrefix":"([A-Za-z0-9+/=]{11,64})","dataLen":(\d{1,12})')


def fits_interop(head: bytes) -> bool:
    """Whether a file that begins so is such a log."""
    return any(
        line.startswith(b"{") and b'"msg"' in line and any(name in line for name in _MESSAGES)
        for line in head.split(b"\n")
    )


def read_interop(path: Path) -> EventLog:
    """A node's log; of a folder, those of all nodes (``hosts/*/*.stdout``, or every file in it)."""
    builder = LogBuilder()
    files = list(_files(path)) if path.is_dir() else [path]
    if not files:
        raise EventLogError(f"{path} has no logs of gossipsub-interop: hosts/<node>/*.stdout")
    names: dict[str, str] = {}
    for file in files:
        for said in _lines(file, [0]):
            if said["msg"] == "PeerID" and isinstance(said.get("id"), str):
                names[said["id"]] = f"node{said.get('node_id')}"[:64]
                break  # it is the first thing that a node says
    told: set[str] = set()
    lost = [0]
    for file in files:
        _Node(file, builder, names, told, lost).read()
        if builder.full:
            break
    if lost[0]:
        builder.note(f"{plural(lost[0], 'line')} that should be JSON with a time could not be read, and are left out.")
    for note in _notes(told):
        builder.note(note)
    return builder.log(path.name)


def _notes(told: set[str]) -> Iterator[str]:
    yield SENDERS if "Message" in told else NO_SENDERS
    yield RECEIPTS
    missing = [
        *(("sizes",) if "sizes" not in told else ()),
        *(("subscriptions",) if "subscriptions" not in told else ()),
        *(("meshes",) if not told & {"Graft", "Prune"} else ()),
    ]
    yield f"The logs have no {', '.join([*missing, 'connections'])} and causes."


def _files(folder: Path) -> Iterator[Path]:
    found = list(folder.rglob("*.stdout")) or [one for one in folder.iterdir() if one.is_file()]
    yield from sorted(found, key=lambda file: [int(part) if part.isdigit() else part for part in _parts(file)])


def _parts(file: Path) -> list[str]:
    return ["", *re.split(r"(\d+)", str(file))]


def _lines(file: Path, lost: list[int]) -> Iterator[dict[str, Any]]:
    """What its lines say; ``lost`` counts those that begin as JSON does and are none."""
    done = [0]
    with file.open("rb") as lines, reading(file, done):
        for line in iter(lambda: lines.readline(MOST_LINE), b""):
            done[0] += len(line)
            try:
                said = json.loads(line)
            except (ValueError, RecursionError):
                lost[0] += line.startswith(b"{")  # programs print other things too
                continue
            if isinstance(said, dict) and isinstance(said.get("msg"), str):
                if b'"dataLen"' in line:
                    said["messages"] = _MESSAGE.findall(line)  # they all have one key in Go's JSON
                yield said


class _Node:
    """Takes one node's log. ``told``: what the logs tell beyond what every implementation's do; ``lost`` counts
    lines that cannot be read."""

    def __init__(self, file: Path, builder: LogBuilder, names: dict[str, str], told: set[str], lost: list[int]) -> None:
        self._file, self._builder, self._names, self._told, self._lost = file, builder, names, told, lost
        self._node = file.parent.name if file.suffix == ".stdout" else file.stem
        self._known: set[str] = set()  # messages that it received or published
        self._mesh: set[tuple[str, str]] = set()
        self._topics: set[str] = set()

    def read(self) -> None:
        """Take all of it, or as much as is kept."""
        for said in _lines(self._file, self._lost):
            at = _nanoseconds(said.get("time"))
            if at is None:
                self._lost[0] += 1
                continue
            if self._builder.full:
                return
            message = said["msg"]
            if message == "PeerID":
                self._node = self._names.get(str(said.get("id")), self._node)
                self._say(at, f"PeerID {str(said.get('id'))[:128]}")
            elif message == "Received Message":
                self._receipt(at, said)
            elif message == "All parts received":
                group = str(said.get("group id", said.get("groupID", "")))
                self._say(at, f"all parts received of group {group[:64]}")
            elif message == "Sent Message":
                self._sending(at, said)
            elif message.endswith((" Graft", " Prune")):
                self._meshed(at, message, said)
            elif message in ("sent", "received") and isinstance(said.get("rpc"), dict):
                self._rpc(at, message, said)

    def _say(self, at: int, text: str) -> None:
        self._builder.add(at, "task.note", self._node, data={"text": text})

    def _peer(self, said: dict[str, Any], key: str) -> str:
        raw = str(said.get(key, ""))
        return self._names.get(raw, raw)

    def _receipt(self, at: int, said: dict[str, Any]) -> None:
        ref, topic, peer = str(said.get("id", "")), str(said.get("topic", "")), self._peer(said, "from")
        if not ref:
            return
        self._builder.topic_of(ref, topic)
        if ref in self._known:
            self._builder.add(at, "pubsub.duplicate", self._node, peer, topic, ref)
            return
        self._known.add(ref)
        self._builder.add(at, "pubsub.receive", self._node, peer, topic, ref)
        self._builder.add(at, "pubsub.deliver", self._node, peer, topic, ref)

    def _sending(self, at: int, said: dict[str, Any]) -> None:
        self._told.add("Message")
        ref, topic = str(said.get("id", "")), str(said.get("topic", ""))
        if ref and ref not in self._known:
            self._known.add(ref)
            self._builder.topic_of(ref, topic)
            self._builder.add(at, "pubsub.publish", self._node, topic=topic, ref=ref)

    def _meshed(self, at: int, message: str, said: dict[str, Any]) -> None:
        """A GRAFT puts the peer into the mesh on both sides, unless a PRUNE answers it."""
        way, what = message.split(" ", 1)
        if way not in ("Sent", "Received") or what not in ("Graft", "Prune"):
            return
        self._told.add(what)
        peer, topic = self._peer(said, "to" if way == "Sent" else "from"), str(said.get("topic", ""))
        if not topic or not peer or ((topic, peer) in self._mesh) == (what == "Graft"):
            return
        (self._mesh.add if what == "Graft" else self._mesh.discard)((topic, peer))
        reason = "peer asked" if way == "Received" else ""
        self._builder.add(at, f"pubsub.{what.lower()}", self._node, peer, topic, reason=reason)

    def _rpc(self, at: int, way: str, said: dict[str, Any]) -> None:
        self._told.add("subscriptions")
        peer, rpc = self._peer(said, "peer"), said["rpc"]
        for prefix, size in said.get("messages", ()):
            ref = _message_id(prefix)
            if ref:
                self._told.add("sizes")
                self._builder.size_of(ref, int(size))
        for one in _list(rpc.get("subscriptions")):
            topic = str(one.get("topicid") or "")
            if not topic:
                continue
            if way == "received":
                kind = "pubsub.peer_subscribed" if one.get("subscribe") is True else "pubsub.peer_unsubscribed"
                self._builder.add(at, kind, self._node, peer, topic)
            elif (one.get("subscribe") is True) is not (topic in self._topics):
                (self._topics.discard if topic in self._topics else self._topics.add)(topic)
                kind = "pubsub.subscribe" if topic in self._topics else "pubsub.unsubscribe"
                self._builder.add(at, kind, self._node, topic=topic)
        kind = "pubsub.rpc_sent" if way == "sent" else "pubsub.rpc_received"
        self._builder.add(at, kind, self._node, peer, data=_contents(said) or None)


def _contents(said: dict[str, Any]) -> dict[str, Any]:
    """How many of each an RPC has."""
    rpc = said["rpc"]
    control = rpc["control"] if isinstance(rpc.get("control"), dict) else {}
    counts = {"messages": len(said.get("messages", ())), "subscriptions": len(_list(rpc.get("subscriptions")))}
    for name in ("graft", "prune"):
        counts[name] = len(_list(control.get(name)))
    for name in ("ihave", "iwant", "idontwant"):
        ids = [one.get("messageIDs") for one in _list(control.get(name))]
        counts[name] = sum(len(one) for one in ids if isinstance(one, list))
    return {name: count for name, count in counts.items() if count}


def _list(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _message_id(prefix: bytes) -> str:
    """The id of a message whose first bytes these are, in base64: its first eight, as a number."""
    try:
        head = base64.b64decode(prefix, validate=True)[:8]
    except binascii.Error:
        return ""
    return str(int.from_bytes(head, "big")) if len(head) == 8 else ""


def _nanoseconds(text: object) -> int | None:
    """Nanoseconds since 1970 of a time in RFC 3339; None for what is none. (fromisoformat reads six digits at most.)"""
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    day, clock, fraction, zone = found.groups()
    zone = "+00:00" if zone in (None, "Z") else zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{zone}").astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
    days = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    seconds = days.days * 86_400 + days.seconds
    return seconds * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
