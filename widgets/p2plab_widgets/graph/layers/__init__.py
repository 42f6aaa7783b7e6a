"""What lies over and beside nodes and edges: traffic, streams, boxes, punches, attackers, what is known of nodes."""

from __future__ import annotations
