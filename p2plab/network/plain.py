"""One frame to many peers, where nothing happens to it but latency and jitter: the loop that most of a run is.

It is ``Pipe.send``, ``Stream.byte`` and ``Clock.at`` written out in one place, since three calls a frame cost more
than what they do. What it does not know (faults, lines, losses, other transports) it leaves to the caller.
``tests/unit/network/test_plain.py`` holds that it does as they do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappush
from typing import Any, Protocol

from p2plab.events import EventLog
from p2plab.network.clock import CLASSES, Call
from p2plab.network.links import Links
from p2plab.network.pipe import Pipe

__all__ = ["End", "send_to_each"]


class End(Protocol):
    """One end of a connection, of which frames go out on a pipe and in at the other end."""

    out: Pipe
    rpcs_sent: int  # bytes

    @property
    def remote(self) -> Any:
        """The other end."""


def send_to_each(
    links: Links,
    ends: Iterable[Any],
    size: int,
    overhead: int,
    arrive: Callable[[Any, Any], object],
    what: Any,
    cause: int,
    otherwise: Callable[[Any, Any, int, int], object],
    plain: bool = True,
) -> None:
    """Have ``arrive(end.remote, what)`` called for each end when what is sent now has arrived.

    Args:
        links: the network
        ends: an ``End`` a peer; a tuple where it has several, the first of which is taken, or None where it has none
        size: what is added to the end's ``rpcs_sent``, in bytes
        overhead: how many bytes more the frame has
        arrive: has to see for itself whether the connection is open still
        what: passed on to it
        cause: the event that led to it
        otherwise: called with the end, ``what``, ``size`` and ``cause`` instead, where more than latency and jitter may
            happen
        plain: False has all of them sent so
    """
    clock, version = links.clock, links.version if plain else None
    now, buckets, keys = clock.now, clock.buckets, clock.keys
    record, traced = links.log.record, "link.sent" not in links.log.unwanted
    for end in ends:
        if end.__class__ is tuple:
            end = end[0] if end else None
        if end is None:
            continue
        pipe = end.out
        if pipe.plain_at != version:
            otherwise(end, what, size, cause)
            continue
        end.rpcs_sent += size
        ticks = pipe.ticks
        delays = ticks.delays
        if delays:
            left = pipe.left
            arrival = now + delays[left.pop() if left else pipe.byte()]
        else:
            arrival = now + ticks.latency
        if arrival < pipe.last:
            arrival = pipe.last
        else:
            pipe.last = arrival
        call: Call = (arrive, end.remote, what, cause)
        if traced:
            sent = record("link.sent", pipe.source, pipe.target, None, None, size + overhead, None, None, cause)
            call = (_arrive_traced, (links.log, pipe, size + overhead, sent), call, cause)
        key = arrival << CLASSES
        bucket = buckets.get(key)
        if bucket is not None:
            bucket.append(call)
        else:
            buckets[key] = [call]
            heappush(keys, key)


def _arrive_traced(sent: tuple[EventLog, Pipe, int, int], call: Call) -> None:
    log, pipe, size, cause = sent
    if pipe.is_open:
        log.record("link.arrived", pipe.target, pipe.source, None, None, size, None, None, cause)
        arrive, end, what, _ = call
        arrive(end, what)
