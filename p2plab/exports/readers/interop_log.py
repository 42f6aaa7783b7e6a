"""Logs of gossipsub-interop (libp2p/test-plans): a JSON object a line, of one node or of a folder of nodes.

Each line has ``time`` (RFC 3339) and ``msg``: "PeerID" at the start, with ``id`` and ``node_id``; "Received Message",
with ``id``, ``from`` and ``topic``, for every message of every RPC, before it is validated; "All parts received", with
``group id``. What a node published itself is not logged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from p2plab.errors import EventLogError
from p2plab.events import EventLog
from p2plab.exports.readers.building import LogBuilder, reading

__all__ = ["fits_interop", "read_interop"]

MOST_LINE: Final = 1 << 20
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:?\d\d)?")
_MESSAGES: Final = (b'"PeerID"', b'"Received Message"', b'"All parts received"')
NOTES: Final = (
    "The logs do not tell publications: a message begins with its first receipt, at the peer that it came from, and "
    "times count from there.",
    "Receipts are logged before validation: a node's first receipt is taken for its delivery, at the same moment.",
    "The logs have no subscriptions, meshes, connections, causes and sizes.",
)


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
        for said in _lines(file):
            if said["msg"] == "PeerID" and isinstance(said.get("id"), str):
                names[said["id"]] = f"node{said.get('node_id')}"[:64]
    for file in files:
        _read(file, builder, names)
        if builder.full:
            break
    for note in NOTES:
        builder.note(note)
    return builder.log(path.name)


def _files(folder: Path) -> Iterator[Path]:
    hosts = folder / "hosts"
    found = hosts.glob("*/*.stdout") if hosts.is_dir() else (one for one in folder.iterdir() if one.is_file())
    yield from sorted(found, key=lambda file: [int(part) if part.isdigit() else part for part in _parts(file)])


def _parts(file: Path) -> list[str]:
    return ["", *re.split(r"(\d+)", str(file))]


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    done = [0]
    with file.open("rb") as lines, reading(file, done):
        for line in iter(lambda: lines.readline(MOST_LINE), b""):
            done[0] += len(line)
            try:
                said = json.loads(line)
            except (ValueError, RecursionError):
                continue  # programs print other things too
            if isinstance(said, dict) and isinstance(said.get("msg"), str):
                yield said


def _read(file: Path, builder: LogBuilder, names: dict[str, str]) -> None:
    node = file.parent.name if file.suffix == ".stdout" else file.stem
    seen: set[str] = set()
    for said in _lines(file):
        at = _nanoseconds(said.get("time"))
        if at is None:
            continue
        if said["msg"] == "PeerID":
            node = names.get(str(said.get("id")), node)
            builder.add(at, "task.note", node, data={"text": f"PeerID {str(said.get('id'))[:128]}"})
        elif said["msg"] == "Received Message":
            _receipt(builder, at, node, said, names, seen)
        elif said["msg"] == "All parts received":
            group = str(said.get("group id", said.get("groupID", "")))
            builder.add(at, "task.note", node, data={"text": f"all parts received of group {group[:64]}"})


def _receipt(
    builder: LogBuilder, at: int, node: str, said: dict[str, Any], names: dict[str, str], seen: set[str]
) -> None:
    ref, sender, topic = (str(said.get(key, "")) for key in ("id", "from", "topic"))
    peer = names.get(sender, sender)
    if not ref:
        return
    if ref in seen:
        builder.add(at, "pubsub.duplicate", node, peer, topic, ref)
        return
    seen.add(ref)
    builder.topic_of(ref, topic)
    builder.add(at, "pubsub.receive", node, peer, topic, ref)
    builder.add(at, "pubsub.deliver", node, peer, topic, ref)


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
