"""One answer to each exercise of lesson 01. There are others."""

from __future__ import annotations

from p2plab import Lab
from p2plab.identity.cid import cid_for


def peer_id_of_an_address() -> str:
    """01.1: who has to answer stands behind /p2p/."""
    with Lab(seed=1) as lab:
        return lab.start_node("alice").addresses[0].split("/p2p/")[1]


def a_quic_address() -> str:
    """01.2: QUIC runs over UDP."""
    return "/ip4/203.0.113.9/udp/4001/quic-v1"


def a_cid() -> str:
    """01.3: the name follows from the bytes."""
    return str(cid_for(b"hello, network!"))


def no_twins() -> None:
    """01.4: keys are made of seed and name together, and no two of them have the same hash."""
    return
