"""What the graph's Python side sends to its browser side: frames of small binary records.

A frame is one custom message ``{"frame": {...}}`` with one binary buffer. The JSON part carries what is text or rare:

    base, version   the structure's version that the frame applies to, and the one it leads to
    snapshot        true: forget the structure you know, this is all of it (base does not matter then)
    nodes           [[index, name, colour], ...] names given since base; an index stands for its name from then on
    topics          [name, ...] topics given since base; they are numbered from 1 in the order they came
    t               seconds of lab time of the newest event in the frame, or null
    published, delivered, duplicates   how many there have been, from the event log's own counts

The buffer is a row of records of 16 bytes, little-endian, to be applied in order. Every change of the structure is
there; of the traffic, under load, the newest first copies and fewer duplicates.

    offset  size  field
    0       1     tag
    1       1     look
    2       2     topic      0: none
    4       4     a          a node's index
    8       4     b          a node's index
    12      4     message    a number that stands for a message id

    tag          look                                      a, b, topic, message
    1 NODE       0 gone, 1 running, 2 outside the lab,     a
                 3 outside the lab and attached to it
    2 EDGE       0 vanishes, 1 appears                     a, b (a < b)
    3 TOPIC      0 unsubscribes, 1 subscribes              a, topic
    4 PUBLISH    -                                         a, topic, message
    5 COPY       0 first, 1 duplicate, 2 rejected          from a to b, topic, message
    6 MESH       0 pruned, 1 grafted                       b leaves or enters a's mesh of the topic

frames.js reads the same.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

RECORD = struct.Struct("<BBHIII")


class Tag(IntEnum):
    NODE = 1
    EDGE = 2
    TOPIC = 3
    PUBLISH = 4
    COPY = 5
    MESH = 6


class NodeLook(IntEnum):
    GONE = 0
    RUNNING = 1
    OUTSIDE = 2
    ATTACHED = 3


class CopyLook(IntEnum):
    FIRST = 0
    DUPLICATE = 1
    REJECTED = 2


class FrameRecord(NamedTuple):
    """One record as its fields."""

    tag: int
    look: int = 0
    topic: int = 0
    a: int = 0
    b: int = 0
    message: int = 0

    def pack(self) -> bytes:
        return RECORD.pack(*self)


def unpack(buffer: bytes) -> Iterator[FrameRecord]:
    """The records of a frame's buffer, in order. struct.error where its length is no multiple of 16."""
    return map(FrameRecord._make, RECORD.iter_unpack(buffer))
