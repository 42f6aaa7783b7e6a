"""A trace for Perfetto (ui.perfetto.dev): a track for each node, its events, and arrows from causes to effects.

The messages are Perfetto's own (protos/perfetto/trace), of which only the fields used here are declared.
"""

from __future__ import annotations

import json
from typing import IO, Any, Final

from p2plab.events.event import Row
from p2plab.exports.writers.selection import Selection
from p2plab.identity.protobuf import WireClasses

__all__ = ["write_perfetto"]

INSTANT: Final = 3
SEQUENCE: Final = 1
LAB: Final = 1  # the track of what no node did; each node's is two more than its index
_WIRE: Final = WireClasses(
    "p2plab.perfetto",
    {
        "Trace": "repeated TracePacket packet = 1",
        "TracePacket": (
            "uint64 timestamp = 8; uint32 trusted_packet_sequence_id = 10; TrackEvent track_event = 11; "
            "TrackDescriptor track_descriptor = 60"
        ),
        "TrackDescriptor": "uint64 uuid = 1; string name = 2; uint64 parent_uuid = 5",
        "TrackEvent": (
            "repeated DebugAnnotation debug_annotations = 4; int32 type = 9; uint64 track_uuid = 11; "
            "repeated string categories = 22; string name = 23; repeated fixed64 flow_ids = 47; "
            "repeated fixed64 terminating_flow_ids = 48"
        ),
        "DebugAnnotation": "int64 int_value = 4; string string_value = 6; string name = 10",
    },
)


def write_perfetto(selection: Selection, file: IO[bytes]) -> int:
    """Write the events; returns how many. An arrow leads to each event from its cause, where that is another node's."""
    trace = _WIRE["Trace"]
    rows = list(selection.rows())
    node_of = {row[1]: row[3] for row in rows}
    effects: dict[int, list[int]] = {}
    for row in rows:
        if node_of.get(row[9], row[3]) != row[3]:
            effects.setdefault(row[9], []).append(row[1])
    for uuid, name in _tracks(selection, rows):
        packet = trace()
        descriptor = packet.packet.add(trusted_packet_sequence_id=SEQUENCE).track_descriptor
        descriptor.uuid, descriptor.name = uuid, name
        file.write(packet.SerializeToString())
    nanoseconds = 1_000_000_000 // selection.log.resolution
    for row in rows:
        packet = trace()
        one = packet.packet.add(timestamp=row[0] * nanoseconds, trusted_packet_sequence_id=SEQUENCE)
        event = one.track_event
        event.type, event.track_uuid, event.name = INSTANT, row[3] + 2, _plain(row[2])
        event.categories.append(row[2].partition(".")[0])
        event.flow_ids.extend(effect + 1 for effect in effects.get(row[1], ()))
        if row[1] in node_of and node_of.get(row[9], row[3]) != row[3]:
            event.terminating_flow_ids.append(row[1] + 1)
        _annotate(event, selection, row)
        file.write(packet.SerializeToString())
    return len(rows)


def _tracks(selection: Selection, rows: list[Row]) -> list[tuple[int, str]]:
    nodes = dict.fromkeys(row[3] for row in rows)
    return [(node + 2, _plain(selection.name(node)) or "lab") for node in sorted(nodes)]


def _annotate(event: Any, selection: Selection, row: Row) -> None:
    texts = {"peer": selection.name(row[4]), "topic": row[5], "ref": row[6], "reason": row[8]}
    for name, text in texts.items():
        if text:
            event.debug_annotations.add(name=name, string_value=_plain(text))
    for name, number in (("seq", row[1]), ("size", row[7])):
        if number is not None:
            event.debug_annotations.add(name=name, int_value=number)
    if row[10]:
        event.debug_annotations.add(name="data", string_value=_plain(json.dumps(row[10], ensure_ascii=False)))


def _plain(text: str) -> str:
    """Protobuf's strings are UTF-8; what a peer chose need not be."""
    return text.encode("utf-8", "replace").decode()
