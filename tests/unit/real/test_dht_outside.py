"""Both DHTs of a real node in one network with py-libp2p's as it comes, outside the lab, on the public protocol."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
from libp2p.network.config import ConnectionConfig
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import PeerInfo
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr

from p2plab import Lab
from p2plab.constants import KAD_ID
from p2plab.identity.keys import Identity
from p2plab.kademlia import DhtParams, LibraryDhtParams, cid_of

WAIT = 20.0


class Outsiders:
    """Two of py-libp2p's hosts, the second connected to the first, each with a KadDHT that runs as a service."""

    def __init__(self) -> None:
        self.dhts: list[KadDHT] = []

    async def serve(self, started: Any, over: Any) -> None:
        async with AsyncExitStack() as stack:
            hosts = []
            for name in ("outside0", "outside1"):
                keys = create_new_key_pair(Identity.derive(9, name).seed)
                host = new_host(key_pair=keys, connection_config=ConnectionConfig(max_connections_per_peer=1))
                await stack.enter_async_context(host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]))
                hosts.append(host)
                self.dhts.append(KadDHT(host, DHTMode.SERVER))
            await hosts[1].connect(PeerInfo(hosts[0].get_id(), hosts[0].get_addrs()))
            for dht, other in zip(self.dhts, reversed(hosts), strict=True):
                await stack.enter_async_context(background_trio_service(dht))
                await dht.add_peer(other.get_id(), skip_server_mode_check=True)
            started.set()
            await over.wait()
            for host in hosts:
                await host.close()

    def address(self, number: int) -> str:
        return str(self.dhts[number].host.get_addrs()[0])


@contextmanager
def outsiders() -> Iterator[tuple[Outsiders, Any]]:
    import trio

    with start_blocking_portal(backend="trio") as portal:
        served, started, over = Outsiders(), portal.call(trio.Event), portal.call(trio.Event)
        running = portal.start_task_soon(served.serve, started, over)
        portal.call(started.wait)
        try:
            yield served, portal
        finally:
            portal.call(over.set)
            running.result()


@pytest.mark.parametrize("params", [DhtParams(protocol=KAD_ID), LibraryDhtParams(protocol=KAD_ID)], ids=["ours", "lib"])
def test_records_and_peers_are_found_from_both_sides(params: DhtParams | LibraryDhtParams) -> None:
    with outsiders() as (outside, portal), Lab("real", seed=7, dht=params) as lab:
        alice, bob = lab.start_nodes(2)
        alice.connect(outside.address(0))
        bob.connect(alice)
        assert lab.run_until(lambda: len(alice.dht.routing_table()) == 2, timeout=WAIT)
        far = str(outside.dhts[1].host.get_id())
        closest = alice.dht.closest_peers(b"somewhere").peers
        assert {info.peer_id for info in closest} >= {bob.peer_id, far}
        found = bob.dht.find_peer(far).peer
        assert found is not None
        assert [address.split("/p2p/")[0] for address in found.addresses] == [outside.address(1).split("/p2p/")[0]]
        ours, theirs = cid_of(b"ours"), cid_of(b"theirs")
        assert far in [info.peer_id for info in bob.dht.provide(ours).peers]
        infos = portal.call(outside.dhts[1].find_providers, ours)
        assert [str(info.peer_id) for info in infos] == [bob.peer_id]
        assert portal.call(outside.dhts[1].provide, theirs)
        arrived = lambda: lab.events.filter(kind="dht.provider_added", peer=far)  # noqa: E731
        assert lab.run_until(arrived, timeout=WAIT), "they do not wait for it"
        assert [info.peer_id for info in bob.dht.find_providers(theirs).providers] == [far]
        info = portal.call(outside.dhts[1].find_peer, ID.from_string(bob.peer_id))
        assert info is not None


def test_a_host_of_py_libp2ps_is_recognised_and_told_of_in_its_words() -> None:
    with outsiders() as (served, _), Lab("real", seed=3) as lab:
        found = lab.start_node("alice").diagnose(served.address(0), protocol="/echo/1.0.0")
    assert found.layer == "protocols"
    assert any("py-libp2p/" in line and "(py-libp2p)" in line for line in found.evidence), str(found)
    assert "py-libp2p (0.8.1): host.set_stream_handler(id, ...)" in found.remedy
