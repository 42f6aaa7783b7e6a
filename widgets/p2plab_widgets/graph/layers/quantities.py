"""What is known of a lab's nodes beside the network itself: roles, regions, scores, places in the key space."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from p2plab.errors import LabError
from p2plab.identity import peer_id_bytes

if TYPE_CHECKING:
    from p2plab import Lab


def roles(lab: Lab) -> dict[str, str]:
    """What nodes say that they are there for, by name; those that say nothing are left out."""
    return {str(node): str(role) for node in lab.nodes if (role := node.role)}


def regions(lab: Lab) -> dict[str, str]:
    """Where nodes live, by name, in a lab whose network has regions."""
    region_of = getattr(lab.network, "region", None)
    if region_of is None or not lab.nodes or region_of(lab.nodes[0]) is None:
        return {}
    return {str(node): region for node in lab.nodes if (region := region_of(node))}


def scores(lab: Lab) -> dict[str, float]:
    """The mean score that its peers give each node; a node that nobody scores is left out."""
    given: dict[str, list[float]] = {}
    for node in lab.nodes:
        if not node.running:
            continue
        for peer, row in node.scores().items():
            value = row.get("score") if isinstance(row, dict) else None
            if isinstance(value, (int, float)):
                given.setdefault(peer, []).append(float(value))
    return {peer: sum(values) / len(values) for peer, values in given.items()}


def keys(lab: Lab, names: Iterable[str]) -> dict[str, bytes]:
    """Where nodes stand in the DHT's key space: the sha256 of their peer ids. A peer that is known by its id alone
    stands where its id says."""
    own = {str(node): str(node.peer_id) for node in lab.nodes}
    own |= {name: str(node.peer_id) for name, node in lab.attached.items()}
    found: dict[str, bytes] = {}
    for name in names:
        try:
            data = peer_id_bytes(own.get(name, name))
        except LabError:
            data = name.encode("utf-8", "replace")
        found[name] = hashlib.sha256(data).digest()
    return found
