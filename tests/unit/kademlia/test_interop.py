"""This DHT and py-libp2p's own in one network, over real streams on the loopback, asking each other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from p2plab.constants import KAD_ID, TICKS_PER_SECOND
from p2plab.events import EventLog
from p2plab.identity.keys import Identity
from p2plab.identity.varint import encode_varint
from p2plab.kademlia import DhtParams, KademliaNode, KeySpace, PlainValidator, cid_of
from p2plab.kademlia.shell.dht import NodeDht
from p2plab.kademlia.shell.interface import KademliaNetworkInterface
from p2plab.kademlia.shell.streams import stream_handler, stream_request
from p2plab.stream.errors import StreamError
from p2plab.typing import PeerId

pytestmark = pytest.mark.real

THEIRS = 3


class Adapter:
    """As much of a NetStream as the DHT uses, over a stream of py-libp2p."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    async def read_message(self, limit: int) -> bytes | None:
        from libp2p.network.stream.exceptions import StreamEOF
        from libp2p.utils import read_varint_prefixed_bytes

        try:
            data = await read_varint_prefixed_bytes(self.stream)
        except StreamEOF:
            return None
        except Exception as error:  # the library raises more kinds than it names
            raise StreamError("reset", str(error)) from error
        assert len(data) <= limit
        return bytes(data)

    async def write_message(self, data: bytes) -> None:
        await self.stream.write(encode_varint(len(data)) + data)

    async def close_write(self) -> None:
        await self.stream.close_write()

    async def close(self) -> None:
        await self.stream.close()

    async def reset(self) -> None:
        await self.stream.reset()


class TrioRuntime:
    """As much of ``Runtime`` as the DHT uses, on trio."""

    def __init__(self, nursery: Any) -> None:
        import trio

        self._trio = trio
        self._nursery = nursery
        self._begun = trio.current_time()

    def now(self) -> float:
        return float(self._trio.current_time() - self._begun)

    def ticks(self) -> int:
        return int(self.now() * TICKS_PER_SECOND)

    def timer(self, delay: float, action: Callable[[], None]) -> Any:
        scope = self._trio.CancelScope()

        async def fire() -> None:
            with scope:
                await self._trio.sleep(delay)
                action()

        self._nursery.start_soon(fire)
        return scope

    def waiter(self) -> Any:
        return self._trio.Event()

    def spawn(self, action: Callable[[], Awaitable[Any]], what: str) -> None:
        self._nursery.start_soon(action)

    async def sleep(self, seconds: float) -> None:
        await self._trio.sleep(seconds)

    async def within(self, seconds: float | None, action: Callable[[], Awaitable[Any]]) -> Any:
        with self._trio.move_on_after(60.0 if seconds is None else seconds):
            return await action()
        raise TimeoutError

    def random(self, purpose: str) -> Random:
        return Random(purpose)


def in_one_network(scene: Callable[[NodeDht, list[Any], list[Any]], Awaitable[None]]) -> None:
    """Run ``scene(ours, theirs, hosts)`` with one node of ours and THEIRS of py-libp2p's, all connected in a line."""
    import trio
    from libp2p import new_host
    from libp2p.crypto.ed25519 import create_new_key_pair
    from libp2p.custom_types import TProtocol
    from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
    from libp2p.network.config import ConnectionConfig
    from libp2p.peer.peerinfo import PeerInfo
    from libp2p.records.pubkey import PublicKeyValidator
    from libp2p.records.validator import NamespacedValidator, Validator
    from libp2p.tools.anyio_service import background_trio_service
    from multiaddr import Multiaddr

    class PlainPy(Validator):
        """The plain validator, as py-libp2p asks for one."""

        def validate(self, key: str, value: bytes) -> None: ...

        def select(self, key: str, values: list[bytes]) -> int:
            return 0

    failures: list[Exception] = []

    async def main() -> None:
        identities = [Identity.derive(5, f"n{number}") for number in range(THEIRS + 1)]
        hosts = [
            new_host(
                key_pair=create_new_key_pair(identity.seed),
                connection_config=ConnectionConfig(max_connections_per_peer=1),
            )
            for identity in identities
        ]
        async with AsyncExitStack() as stack:
            nursery = await stack.enter_async_context(trio.open_nursery())
            for host in hosts:
                await stack.enter_async_context(host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]))
            theirs = []
            for host in hosts[1:]:
                validator = NamespacedValidator({"pk": PublicKeyValidator(), "lab": PlainPy()})
                dht = KadDHT(host, DHTMode.SERVER, validator=validator, validator_changed=True)
                await stack.enter_async_context(background_trio_service(dht))
                theirs.append(dht)
            ours = await node_of_ours(hosts, identities, nursery)
            for one, other in pairwise(hosts):
                await one.connect(PeerInfo(other.get_id(), other.get_addrs()))
            for number, dht in enumerate(theirs, 1):  # their tables stay empty after a connect
                for neighbour in hosts[number - 1 : number + 2 : 2]:
                    await dht.add_peer(neighbour.get_id(), skip_server_mode_check=True)
            ours.interface.peer_connected(1, True)
            try:
                await scene(ours, theirs, hosts)
            except Exception as error:  # noqa: BLE001  # raised when all is closed: py-libp2p would bury it in groups
                failures.append(error)
            with trio.CancelScope(shield=True):
                for host in hosts:
                    await host.close()
            nursery.cancel_scope.cancel()

    async def node_of_ours(hosts: list[Any], identities: list[Identity], nursery: Any) -> NodeDht:
        runtime = TrioRuntime(nursery)
        log = EventLog(TICKS_PER_SECOND, runtime.ticks, "all")
        space = KeySpace(addresses_of=lambda peer: own_addresses(hosts, peer))
        for identity in identities:
            assert space.add(identity.peer_id) == log.register(str(identity.name))
        params = DhtParams(protocol=KAD_ID, ip_limit_bucket=0, ip_limit_table=0, query_timeout=5.0)
        node = KademliaNode(0, space, params, epoch=1.7e9)
        # py-libp2p's DHT asks on /ipfs/kad/1.0.0 alone, which carries no namespace of lessons: it is put there here.
        node.validators["lab"] = PlainValidator()

        async def open_stream(peer: int, protocols: list[str]) -> Adapter:
            host, other = hosts[0], hosts[peer]
            await host.connect(PeerInfo(other.get_id(), other.get_addrs()))
            return Adapter(await host.new_stream(other.get_id(), [TProtocol(protocol) for protocol in protocols]))

        interface = KademliaNetworkInterface(runtime, log, node, stream_request(runtime, node, open_stream))
        handler = stream_handler(interface, lambda stream: space.index(stream.stream.muxed_conn.peer_id.to_bytes()))

        async def handle(stream: Any) -> None:
            await handler(Adapter(stream))

        hosts[0].set_stream_handler(TProtocol(KAD_ID), handle)
        return NodeDht(interface, "n0")

    def own_addresses(hosts: list[Any], peer: int) -> list[str]:
        return [str(address) for address in hosts[peer].get_addrs()]

    trio.run(main)
    if failures:
        raise failures[0]


def test_ours_finds_theirs_and_theirs_find_ours() -> None:
    async def scene(ours: NodeDht, theirs: list[Any], hosts: list[Any]) -> None:
        lookup = await ours.closest_peers(b"somewhere far away, or near")
        assert {peer.name for peer in lookup.peers} == {"n1", "n2", "n3"}, "two of whom were only named to it"
        found = await ours.find_peer(str(hosts[3].get_id()))
        assert found.peer is not None
        assert found.peer.addresses == [str(address) for address in hosts[3].get_addrs()]
        info = await theirs[2].find_peer(hosts[0].get_id())
        assert info is not None
        assert [str(address) for address in info.addrs]

    in_one_network(scene)


def test_a_value_of_ours_is_got_by_theirs_and_the_other_way_round() -> None:
    async def scene(ours: NodeDht, theirs: list[Any], hosts: list[Any]) -> None:
        put = await ours.put("/lab/ours", b"from us")
        assert len(put.peers) == THEIRS
        assert await theirs[2].get_value("/lab/ours") == b"from us"
        await theirs[1].put_value("/lab/theirs", b"from them")
        got = await ours.get("/lab/theirs")
        assert got.value == b"from them"
        assert ours.interface.node.own_value(b"/lab/theirs", 0) == b"from them", "their put reached this node too"

    in_one_network(scene)


def test_providers_are_found_across() -> None:
    async def scene(ours: NodeDht, theirs: list[Any], hosts: list[Any]) -> None:
        cid = cid_of(b"content of ours")
        provided = await ours.provide(cid)
        assert len(provided.peers) == THEIRS
        infos = await theirs[2].find_providers(cid)
        assert [info.peer_id for info in infos] == [hosts[0].get_id()]
        other = cid_of(b"content of theirs")
        assert await theirs[1].provide(other)
        found = await ours.find_providers(other)
        assert [provider.peer_id for provider in found.providers] == [PeerId(str(hosts[2].get_id()))]
        assert found.providers[0].addresses

    in_one_network(scene)
