"""Addresses by name: what they stand for, within which bounds, in a mock lab's zone and by the system's resolver."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from p2plab import Lab
from p2plab.discovery.names.resolve import MAX_ADDRESSES, MAX_QUERIES, Resolved, resolve
from p2plab.errors import AddressError, DialError, NotInThisWorldError, ResolutionError, ValidationError
from p2plab.identity.keys import Identity

ALICE, BOB = (str(Identity.derive(1, name).peer_id) for name in ("alice", "bob"))


class Records:
    """A name server of a dict: names with ``ip4``, ``ip6`` and ``txt``."""

    def __init__(self, records: dict[str, dict[str, list[str]]]) -> None:
        self.records = records
        self.asked: list[str] = []

    async def addresses(self, name: str, version: int) -> Sequence[str]:
        return self._find(name, f"ip{version}")

    async def texts(self, name: str) -> Sequence[str]:
        return self._find(name, "txt")

    def _find(self, name: str, kind: str) -> list[str]:
        self.asked.append(name)
        if name not in self.records:
            raise ResolutionError(f"name not found: {name}")
        return self.records[name].get(kind, [])


def resolved(text: str, records: dict[str, dict[str, list[str]]]) -> Resolved:
    """Run the core to its end: it never waits for anything else."""
    try:
        resolve(text, Records(records)).send(None)
    except StopIteration as over:
        found: Resolved = over.value
        return found
    raise AssertionError("it waits")


def said(name: str, *addresses: str) -> dict[str, dict[str, list[str]]]:
    return {f"_dnsaddr.{name}": {"txt": [f"dnsaddr={address}" for address in addresses]}}


def test_names_become_the_addresses_of_their_kind_and_the_rest_stays() -> None:
    zone = {"a.example": {"ip4": ["10.0.0.1", "10.0.0.2"], "ip6": ["2001:db8::1"]}}
    rest = f"/tcp/4001/p2p/{ALICE}"
    assert resolved(f"/dns4/a.example{rest}", zone).addresses == [f"/ip4/10.0.0.1{rest}", f"/ip4/10.0.0.2{rest}"]
    assert resolved(f"/dns6/a.example{rest}", zone).addresses == [f"/ip6/2001:db8::1{rest}"]
    assert len(resolved(f"/dns/a.example{rest}", zone).addresses) == 3
    assert resolved(f"/ip4/10.0.0.9{rest}", {}).addresses == [f"/ip4/10.0.0.9{rest}"]


def test_a_dnsaddr_is_followed_through_others_and_keeps_to_the_peer_that_was_asked_for() -> None:
    zone = {
        **said("net.example", f"/dnsaddr/one.net.example/p2p/{ALICE}", f"/dnsaddr/two.net.example/p2p/{BOB}"),
        **said("one.net.example", f"/ip4/10.0.0.1/tcp/1/p2p/{ALICE}", f"/dns4/h.example/udp/1/quic-v1/p2p/{ALICE}"),
        **said("two.net.example", f"/ip4/10.0.0.2/tcp/1/p2p/{BOB}", f"/ip4/10.9.9.9/tcp/1/p2p/{ALICE}"),
        "h.example": {"ip4": ["10.0.0.3"]},
    }
    zone["_dnsaddr.net.example"]["txt"] += ["v=spf1 -all", "dnsaddr=not an address"]
    whole = resolved("/dnsaddr/net.example", zone)
    assert whole.addresses == [
        f"/ip4/10.0.0.1/tcp/1/p2p/{ALICE}",
        f"/ip4/10.0.0.3/udp/1/quic-v1/p2p/{ALICE}",
        f"/ip4/10.0.0.2/tcp/1/p2p/{BOB}",
    ]
    assert len(whole.left_out) == 1
    assert "is not an address" in whole.left_out[0]
    assert resolved(f"/dnsaddr/net.example/p2p/{BOB}", zone).addresses == [f"/ip4/10.0.0.2/tcp/1/p2p/{BOB}"]


def test_loops_end_and_are_told() -> None:
    here = said("a.example", "/dnsaddr/b.example", "/ip4/10.0.0.1/tcp/1")
    found = resolved("/dnsaddr/a.example", {**here, **said("b.example", "/dnsaddr/a.example", "/dnsaddr/b.example")})
    assert (found.addresses, found.queries) == (["/ip4/10.0.0.1/tcp/1"], 2)
    assert found.left_out == ["/dnsaddr/a.example again: a loop", "/dnsaddr/b.example again: a loop"]
    with pytest.raises(ResolutionError, match=r"name not found: /dnsaddr/c.example again: a loop"):
        resolved("/dnsaddr/c.example", said("c.example", "/dnsaddr/c.example"))


def test_depth_questions_and_addresses_are_bounded() -> None:
    chain: dict[str, dict[str, list[str]]] = {}
    for number in range(9):
        chain |= said(f"n{number}.example", f"/dnsaddr/n{number + 1}.example", f"/ip4/10.0.0.{number}/tcp/1")
    found = resolved("/dnsaddr/n0.example", chain)
    assert found.addresses == [f"/ip4/10.0.0.{number}/tcp/1" for number in range(4)]
    assert found.left_out == ["/dnsaddr/n4.example: over 4 /dnsaddr after each other"]
    wide = said("w.example", *(f"/ip4/10.0.{number // 250}.{number % 250}/tcp/1" for number in range(500)))
    assert len(resolved("/dnsaddr/w.example", wide).addresses) == MAX_ADDRESSES
    names = {f"h{number}.example": {"ip4": [f"10.0.0.{number}"]} for number in range(90)}
    many = said("m.example", *(f"/dns4/{name}/tcp/1" for name in names))
    found = resolved("/dnsaddr/m.example", {**many, **names})
    assert found.queries == MAX_QUERIES
    assert len(found.addresses) == MAX_QUERIES - 1


def test_mock_nodes_dial_names_of_the_labs_zone() -> None:
    with Lab(seed=7) as lab:
        alice, bob, carol = (lab.start_node(name) for name in ("alice", "bob", "carol"))
        ip = bob.addresses[0].split("/")[2]
        lab.network.zone.set("bob.example", ip4=ip)
        assert alice.connect(f"/dns4/bob.example/tcp/4001/p2p/{bob.peer_id}").peer.name == "bob"
        lab.network.zone.dnsaddr("boot.example", [bob, carol])
        assert carol.connect("/dnsaddr/boot.example").peer.name == "bob"
        with pytest.raises(DialError, match=r"name not found: bob.example has no|could not reach") as failed:
            alice.connect(f"/dns6/bob.example/tcp/4001/p2p/{carol.peer_id}")
        assert failed.value.attempts[0][2].startswith("name not found")
        assert lab.network.zone.remove("bob.example") is True
        with pytest.raises(DialError, match=r"bob\.example is not in the zone"):
            alice.connect(f"/dns4/bob.example/tcp/4001/p2p/{carol.peer_id}")
        assert list(lab.network.zone.all()) == ["_dnsaddr.boot.example"]
        with Lab.replay(lab.history()) as again:
            assert again.events.digest() == lab.events.digest()


@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("", {"ip4": "10.0.0.1"}),
        ("a..example", {"ip4": "10.0.0.1"}),
        ("-a.example", {"ip4": "10.0.0.1"}),
        ("a.example", {"ip4": "10.0.0.256"}),
        ("a.example", {"ip6": "10.0.0.1"}),
        ("a.example", {"txt": "x" * 2000}),
        ("a.example", {"txt": 7}),
    ],
)
def test_a_zone_takes_only_what_a_zone_can_hold(name: str, records: dict[str, Any]) -> None:
    with Lab(seed=7) as lab:
        with pytest.raises(ValidationError):
            lab.network.zone.set(name, **records)
        with pytest.raises(AddressError):
            lab.network.zone.dnsaddr("a.example", ["/nonsense"])
        assert lab.network.zone.all() == {}


@pytest.mark.parametrize("count", [14, pytest.param(100, marks=pytest.mark.slow)])
def test_from_one_dnsaddr_every_mesh_reaches_D_low_within_ten_heartbeats(count: int) -> None:
    with Lab(seed=7, discovery=["bootstrap", "peer-exchange"], bootstrap=["/dnsaddr/boot.example"]) as lab:
        nodes = lab.start_nodes(count)
        lab.network.zone.dnsaddr("boot.example", nodes[: count // 2])
        for node in nodes:
            node.subscribe("news")
            node.subscribe("chat")
        lab.run(10)
        assert min(len(node.mesh(topic)) for node in nodes for topic in ("news", "chat")) >= 4


# -- the system's resolver, with a name server of our own on the loopback


class Answering(socketserver.BaseRequestHandler):
    """Answers TXT questions from the server's ``texts``, with dnspython's own messages."""

    def handle(self) -> None:
        import dns.flags
        import dns.message
        import dns.rcode
        import dns.rrset

        data, socket = self.request
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        name = query.question[0].name.to_text()
        texts = self.server.texts.get(name.rstrip("."))  # type: ignore[attr-defined]  # see ``name_server``
        if texts is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *(f'"{text}"' for text in texts)))
        socket.sendto(answer.to_wire(), self.client_address)


@pytest.fixture
def name_server() -> Iterator[tuple[tuple[str, int], dict[str, list[str]]]]:
    """Where it answers, and what."""
    texts: dict[str, list[str]] = {}
    with socketserver.UDPServer(("127.0.0.1", 0), Answering) as server:
        server.texts = texts  # type: ignore[attr-defined]  # its handler reads it there
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield ("127.0.0.1", int(server.server_address[1])), texts
        server.shutdown()
        thread.join()


@pytest.mark.real
def test_real_nodes_dial_names_of_the_systems_and_txt_records_of_a_name_server(
    name_server: tuple[tuple[str, int], dict[str, list[str]]],
) -> None:
    from p2plab.real.connections.name_server import SystemNames

    where, texts = name_server
    with Lab("real", seed=7) as lab:
        world: Any = lab.world
        world.names = SystemNames([where])
        alice, bob, carol = lab.start_nodes(3)
        port = bob.addresses[0].split("/")[4]
        assert alice.connect(f"/dns4/localhost/tcp/{port}/p2p/{bob.peer_id}").peer.name == "n1"
        texts["_dnsaddr.boot.example"] = [f"dnsaddr=/dnsaddr/more.example/p2p/{bob.peer_id}"]
        texts["_dnsaddr.more.example"] = [f"dnsaddr={bob.addresses[0]}", "dnsaddr=/dnsaddr/boot.example"]
        assert carol.connect("/dnsaddr/boot.example").peer.name == "n1"
        with pytest.raises(NotInThisWorldError, match="as the system resolves"):
            lab.network.zone.set("bob.example", ip4="127.0.0.1")
        with pytest.raises(DialError, match=r"name not found: _dnsaddr\.nobody\.example"):
            carol.connect("/dnsaddr/nobody.example")


@pytest.mark.real
def test_without_a_network_a_real_nodes_bootstrap_list_fails_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    from p2plab.real.connections.name_server import SystemNames

    monkeypatch.setattr("p2plab.real.connections.name_server.PATIENCE", 0.3)
    kubo = f"/dnsaddr/bootstrap.libp2p.example/p2p/{ALICE}"
    with Lab("real", seed=7) as lab:
        world: Any = lab.world
        world.names = SystemNames([("127.0.0.1", 1)])  # nobody answers there
        lab.start_node("alice", bootstrap=[kubo])
        assert lab.run_until(lambda: lab.events.filter(kind="bootstrap.failed"), timeout=20)
        failed = lab.events.filter(kind="bootstrap.failed")[0]
        assert failed.reason == "no name server"
        assert kubo in (failed.data or {})["text"]


# What kubo (config/bootstrap_peers.go) and helia (@helia/libp2p, utils/bootstrappers) begin with, but for mars, which
# is an address and no name: nothing here dials outside of the loopback.
OF_NAMES = "bootstrap.libp2p.io"
HELIA = {
    "QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN": OF_NAMES,
    "QmbLHAnMoJPWSCR5Zhtx6BHJX9KiKNN6tpvbUcqanj75Nb": OF_NAMES,
    "QmcZf59bWwK5XFi76CZX8cbJ4BhTzzA3gU1ZjYZcYW3dwt": OF_NAMES,
    "12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8": f"va1.{OF_NAMES}",
}
KUBO = {**HELIA, "QmQCU2EcMqAqQPR2i9bChDtGNJchTbq5TbXJJ16u19uLTa": OF_NAMES}


@pytest.mark.real
@pytest.mark.parametrize("published", [KUBO, HELIA], ids=["kubo", "helia"])
def test_every_entry_of_a_published_bootstrap_list_fails_with_its_reason_where_no_network_is(
    published: dict[str, str],
    name_server: tuple[tuple[str, int], dict[str, list[str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from p2plab.real.connections.name_server import SystemNames

    monkeypatch.setattr("p2plab.real.connections.name_server.PATIENCE", 0.3)
    entries = [f"/dnsaddr/{name}/p2p/{peer}" for peer, name in published.items()]
    where, texts = name_server
    with Lab("real", seed=7) as lab:
        world: Any = lab.world
        world.names = SystemNames([("127.0.0.1", 1)])  # nobody answers there
        alice = lab.start_node("alice")
        for entry in entries:
            with pytest.raises(DialError, match=r"no name server: _dnsaddr\.(va1\.)?bootstrap\.libp2p\.io") as failed:
                alice.connect(entry)
            assert entry in str(failed.value)
        world.names = SystemNames([where])  # a server that knows the names, and others behind them
        for name in set(published.values()):
            texts[f"_dnsaddr.{name}"] = [f"dnsaddr={alice.addresses[0]}"]
        for entry, peer in zip(entries, published, strict=True):
            with pytest.raises(DialError, match=peer):
                alice.connect(entry)
        assert not alice.connections()


@pytest.mark.real
@pytest.mark.parametrize("published", [KUBO, HELIA], ids=["kubo", "helia"])
def test_a_list_of_the_published_form_works_where_its_names_are_known(
    published: dict[str, str], name_server: tuple[tuple[str, int], dict[str, list[str]]]
) -> None:
    from p2plab.real.connections.name_server import SystemNames

    where, texts = name_server
    with Lab("real", seed=7) as lab:
        world: Any = lab.world
        world.names = SystemNames([where])
        servers = lab.start_nodes(len(published))
        entries = []
        for number, (server, name) in enumerate(zip(servers, published.values(), strict=True)):
            port = server.addresses[0].split("/")[4]
            entries.append(f"/dnsaddr/{name}/p2p/{server.peer_id}")
            at = f"host{number}.{name}"  # the published names lead to names of machines, and these to several addresses
            texts.setdefault(f"_dnsaddr.{name}", []).append(f"dnsaddr=/dnsaddr/{at}/p2p/{server.peer_id}")
            texts[f"_dnsaddr.{at}"] = [
                f"dnsaddr=/ip4/127.0.0.1/udp/1/quic-v1/p2p/{server.peer_id}",
                f"dnsaddr=/dns4/localhost/tcp/{port}/p2p/{server.peer_id}",
            ]
        alice = lab.start_node("alice", bootstrap=entries)
        assert lab.run_until(lambda: len(alice.connections()) == len(servers), timeout=20)
        assert {peer.name for peer in alice.peers()} == {server.name for server in servers}
