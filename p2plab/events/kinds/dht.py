"""Events of the Kademlia DHT."""

from __future__ import annotations

from p2plab.events.kinds._table import Kind

KINDS: dict[str, Kind] = {}

REASONS: dict[str, str] = {}
