"""The protocols that one node answers: who handles each, in which versions, with which features and priority."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from p2plab.stream.handler import StreamHandler, check_handler
from p2plab.stream.negotiation.multistream import check_protocol_id
from p2plab.stream.negotiation.versions import match
from p2plab.stream.netstream import NetStream
from p2plab.stream.priorities import Priorities, Priority

__all__ = ["ProtocolTable", "Served"]


@dataclass(frozen=True, slots=True)
class Served:
    """One entry. ``most`` is how many streams of it one peer may have open here; None: no bound of the protocol's."""

    handler: Callable[[NetStream], Awaitable[Any]]
    features: tuple[str, ...]
    most: int | None


class ProtocolTable:
    """Registered protocols by id, which may end in a range of versions (see ``versions``)."""

    __slots__ = ("_served", "priorities")

    def __init__(self) -> None:
        self._served: dict[str, Served] = {}
        self.priorities = Priorities()

    def handle(
        self,
        protocol: str,
        handler: StreamHandler,
        features: Iterable[str] = (),
        priority: Priority | None = None,
        most: int | None = None,
    ) -> None:
        """Serve it from now on, in place of who served it before. ValidationError, and nothing is changed."""
        served = Served(check_handler(handler), tuple(features), most)
        check_protocol_id(protocol)
        if priority is not None:
            self.priorities.set(protocol, priority)
        self._served[protocol] = served

    def remove(self, protocol: str) -> bool:
        """Serve it no longer; whether it was served."""
        return self._served.pop(protocol, None) is not None

    def match(self, proposal: str) -> str | None:
        """The id under which a proposal is served, or None."""
        return proposal if proposal in self._served else match(self._served, proposal)

    def served(self, protocol: str) -> Served | None:
        """The entry that serves a negotiated protocol."""
        matched = self.match(protocol)
        return None if matched is None else self._served[matched]

    def priority(self, protocol: str) -> Priority:
        """The priority of a negotiated protocol: of the entry that serves it, or what the protocol has by itself."""
        return self.priorities[self.match(protocol) or protocol]

    def features(self) -> dict[str, tuple[str, ...]]:
        """The features by protocol id, of those that have any."""
        return {protocol: served.features for protocol, served in self._served.items() if served.features}

    def __iter__(self) -> Iterator[str]:
        return iter(self._served)
