"""Helia's client of delegated routing (IPIP-337, 417, 484) asks a node that serves it."""

from __future__ import annotations

import json
import subprocess

from p2plab import Lab
from p2plab.identity.keys import Identity, parse_peer_id
from p2plab.kademlia.storage.ipns import make_ipns_record
from p2plab.routing.delegated import key_text
from tests.interop.provide import JS, js_node

CID = "bafkreidon73zkcrwdb5iafqtijxildoonbwnpv7dyd6ef3qdgads2jc4su"


def test_helias_client_finds_providers_and_peers_and_puts_and_gets_ipns_records() -> None:
    node = js_node()[0]
    with Lab("real", seed=7, dht="p2plab") as lab:
        alice, bob, carol = (lab.start_node(name) for name in ("alice", "bob", "carol"))
        lab.wire("full")
        bob.routing.provide(CID)
        key = Identity.derive(7, "a site")
        record = make_ipns_record(key, f"/ipfs/{CID}", sequence=1, now=lab.world.wire_time() / 1e9)
        given = [alice.routing.serve().address, CID, key_text(carol.peer_id), key_text(key.peer_id), record.hex()]
        done = subprocess.run(
            [node, str(JS / "delegated.js"), *given], cwd=JS, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout.splitlines()[-1])

        def peers(of: str) -> list[str]:
            return [parse_peer_id(one["id"]) for one in said[of]]  # as CIDs

        assert peers("providers") == [bob.peer_id]
        assert [f"{address}/p2p/{bob.peer_id}" for address in said["providers"][0]["addrs"]] == bob.addresses
        assert said["filtered"] == []
        assert peers("peers") == [carol.peer_id]
        assert set(peers("closest")) == {bob.peer_id, carol.peer_id}
        assert bytes.fromhex(said["record"]) == record
