"""Lesson 01: keys, peer ids, addresses, content ids."""

from __future__ import annotations

from typing import Any

from p2plab.errors import LabError
from p2plab.identity import parse_peer_id
from p2plab.identity.address import parse_address
from p2plab.identity.cid import as_cid, cid_for
from p2plab.teaching.exercises import Verdict, exercise

__all__: list[str] = []


@exercise("01.1", "give the peer id inside alice's first address, as text")
def _peer_id_of_an_address(answer: Any) -> Verdict:
    from p2plab import Lab

    with Lab(seed=1) as lab:
        alice = lab.start_node("alice")
        address = alice.addresses[0]
        expected = str(alice.peer_id)
    text = str(answer).strip()
    if text == expected:
        return Verdict(True, "that is who has to answer at this address")
    if text == address:
        return Verdict(False, "that is the whole address; the peer id is the part behind /p2p/")
    if text.startswith("/"):
        return Verdict(False, "an address begins with /, a peer id does not: take the part behind /p2p/")
    try:
        parse_peer_id(text)
    except LabError:
        return Verdict(False, f"{text[:40]!r} is no peer id: one begins with 12D3KooW for an Ed25519 key")
    return Verdict(
        False, "that is a peer id, but not alice's in Lab(seed=1): peer ids follow from the seed and the name"
    )


@exercise("01.2", "write a multiaddr for a node at 203.0.113.9, UDP port 4001, that speaks QUIC version 1")
def _a_quic_address(answer: Any) -> Verdict:
    try:
        address = parse_address(str(answer).strip())
    except LabError as error:
        return Verdict(False, str(error))
    if address.ip != "203.0.113.9":
        return Verdict(
            False, f"it begins with {address.host or 'no host'}; the node is at 203.0.113.9, so /ip4/203.0.113.9/..."
        )
    names = [name for name, _ in address.parts]
    if "tcp" in names:
        return Verdict(False, "QUIC runs over UDP, and this says tcp")
    if address.port != 4001:
        return Verdict(False, f"its port is {address.port}, and the node listens at 4001")
    if names != ["ip4", "udp", "quic-v1"]:
        return Verdict(False, "after the UDP port comes the protocol that runs over it: quic-v1")
    return Verdict(True, "each part says what runs over the one before it")


@exercise("01.3", "give the CID (version 1, raw) of the text 'hello, network!' in UTF-8")
def _a_cid(answer: Any) -> Verdict:
    right = cid_for(b"hello, network!")
    try:
        found = as_cid(answer)
    except LabError as error:
        return Verdict(False, str(error))
    if found == right:
        return Verdict(True, "the name follows from the bytes: whoever has them can check it")
    if found.multihash == right.multihash:
        return Verdict(False, f"the hash is right; the codec should be raw, and this says {found.codec_name}")
    if found == cid_for(b"hello, network!\n"):
        return Verdict(False, "that is the CID of the text with a line break at its end: one byte more, another name")
    return Verdict(False, "that is the CID of other bytes: take exactly b'hello, network!', without a line break")


@exercise("01.4", "a lab in which two nodes, in two different seeds, have the same peer id: which name do they share? "
          "Give the two (seed, name) pairs, or None if there are none")  # fmt: skip
def _no_twins(answer: Any) -> Verdict:
    if answer is None:
        return Verdict(True, "keys are made of seed and name together; two that agree would need the same hash")
    try:
        (seed, name), (other_seed, other_name) = answer
    except (TypeError, ValueError):
        return Verdict(False, "give None, or two pairs such as ((1, 'alice'), (2, 'bob'))")
    from p2plab import Lab

    ids = []
    for one, node in ((seed, name), (other_seed, other_name)):
        with Lab(seed=one) as lab:
            ids.append(str(lab.start_node(node).peer_id))
    if ids[0] == ids[1] and (seed, name) != (other_seed, other_name):
        return Verdict(True, "you have found a collision of sha256: publish it")
    if ids[0] == ids[1]:
        return Verdict(False, "that is the same node twice: the seed or the name has to differ")
    return Verdict(False, f"they differ: …{ids[0][-6:]} and …{ids[1][-6:]}")
