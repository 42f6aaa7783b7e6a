"""Content routing over HTTP between real nodes and programs that speak no libp2p."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from p2plab import Lab, Node
from p2plab.errors import ConfigurationError, NotInThisWorldError, ValidationError
from p2plab.identity.keys import Identity
from p2plab.kademlia.storage.ipns import make_ipns_record
from p2plab.routing.delegated import IPNS, key_text

pytestmark = pytest.mark.real

CID = "bafkreidon73zkcrwdb5iafqtijxildoonbwnpv7dyd6ef3qdgads2jc4su"
OTHER = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab("real", seed=7, dht="p2plab") as lab:
        for name in ("alice", "bob", "carol"):
            lab.start_node(name)
        lab.wire("full")
        yield lab


@pytest.fixture
def alice(lab: Lab) -> Node:
    return lab["alice"]


def test_a_program_asks_for_providers_and_peers(lab: Lab, alice: Node) -> None:
    server = alice.routing.serve()
    assert alice.routing.serve() is server
    assert server.address.startswith("http://127.0.0.1:")
    lab["bob"].routing.provide(CID)
    base = f"{server.address}/routing/v1"
    with httpx.Client(trust_env=False, timeout=60) as client:
        answer = client.get(f"{base}/providers/{CID}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["access-control-allow-origin"] == "*"
        (record,) = answer.json()["Providers"]
        bob = lab["bob"]
        assert record["ID"] == bob.peer_id
        assert [f"{address}/p2p/{bob.peer_id}" for address in record["Addrs"]] == bob.addresses
        assert client.get(f"{base}/providers/{CID}?filter-addrs=quic-v1").json() == {"Providers": []}
        assert client.get(f"{base}/providers/{OTHER}").json() == {"Providers": []}
        assert client.get(f"{base}/providers/nothing").status_code == 422
        (peer,) = client.get(f"{base}/peers/{lab['carol'].peer_id}").json()["Peers"]
        assert peer["ID"] == lab["carol"].peer_id
        closest = client.get(f"{base}/dht/closest/peers/{CID}").json()["Peers"]
        assert {one["ID"] for one in closest} == {lab["bob"].peer_id, lab["carol"].peer_id}
        lines = client.get(f"{base}/providers/{CID}", headers={"Accept": "application/x-ndjson"})
        assert lines.headers["content-type"] == "application/x-ndjson"
        assert [json.loads(line)["ID"] for line in lines.text.splitlines()] == [bob.peer_id]
        assert client.head(f"{base}/providers/{CID}").text == ""
        assert client.options(f"{base}/providers/{CID}").status_code == 204
    assert lab.events.filter(kind="routing.served", node="alice")
    alice.routing.stop_serving()
    assert server.closed
    with pytest.raises(httpx.ConnectError), httpx.Client(trust_env=False, timeout=60) as client:
        client.get(base)


def test_a_node_asks_a_server_which_answers_from_its_own_routers(lab: Lab, alice: Node) -> None:
    lab["bob"].routing.provide(CID)
    dave = lab.start_node("dave")  # knows nobody
    server = alice.routing.serve()
    dave.routing.use("local", server.address, order="sequential")
    assert dave.routing.routers == ["local", server.address]
    found = dave.routing.find_providers(CID)
    assert [peer.name for peer in found.providers] == ["bob"]
    assert dave.connect(found.providers[0]).peer == lab["bob"].peer_id
    assert found.answers[1].answer == "1 provider"
    again = dave.routing.find_providers(CID)
    assert again.answers[1].answer == "1 provider (cached)"
    peer = dave.routing.find_peer(lab["carol"]).peer
    assert peer is not None
    assert peer.addresses == lab["carol"].addresses
    assert {row.by for row in dave.address_book(lab["carol"])} == {"http"}
    assert not lab.events.filter(kind="dht.lookup", node="dave")


def test_two_that_ask_each_other_do_not_go_round_in_a_circle(lab: Lab, alice: Node) -> None:
    bob = lab["bob"]
    alice.routing.use("local", bob.routing.serve().address)
    bob.routing.use("local", alice.routing.serve().address)
    assert not alice.routing.find_providers(CID).found
    assert len(lab.events.filter(kind="routing.served")) == 1


def test_ipns_records_are_put_and_got_and_false_ones_refused(lab: Lab, alice: Node) -> None:
    dave = lab.start_node("dave")
    server = alice.routing.serve()
    dave.routing.use(server.address)
    key = Identity.derive(3, "a site")
    now = lab.world.wire_time() / 1e9
    record = make_ipns_record(key, f"/ipfs/{CID}", sequence=1, now=now)
    name = b"/ipns/" + _binary(key)
    assert dave.routing.put(name, record).found
    assert dave.routing.get(name).value == record
    assert lab["bob"].dht.get(name).value == record
    url = f"{server.address}/routing/v1/ipns/{key_text(key.peer_id)}"
    forged = bytearray(record)
    forged[len(forged) // 2] ^= 1
    with httpx.Client(trust_env=False, timeout=60) as client:
        answer = client.get(url, headers={"Accept": IPNS})
        assert (answer.content, answer.headers["content-type"]) == (record, IPNS)
        assert client.put(url, content=bytes(forged), headers={"Content-Type": IPNS}).status_code == 422
        assert client.put(url, content=record).status_code == 415
        assert client.put(url, content=b"x" * 50_000, headers={"Content-Type": IPNS}).status_code == 413
        unknown = f"{server.address}/routing/v1/ipns/{key_text(Identity.derive(3, 'nobody').peer_id)}"
        nothing = client.get(unknown)
        assert (nothing.status_code, nothing.headers["content-type"].partition(";")[0]) == (200, "text/plain")


def _binary(key: Identity) -> bytes:
    from p2plab.identity.keys import peer_id_bytes

    return peer_id_bytes(key.peer_id)


@contextmanager
def hostile(body: bytes, kind: str = "application/json", status: int = 200) -> Iterator[str]:
    """A server that answers everything with the same."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                return  # the asker has had enough

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("body", "kind", "status", "said"),
    [
        (b"<html>", "text/html", 200, "text/html"),
        (b"{" * 5000, "application/json", 200, "no JSON"),
        (b" " * (2 << 20), "application/json", 200, "over 1048576 bytes"),
        (b"gone", "text/plain", 500, "answered 500: gone"),
        (b"", "text/plain", 301, "answered 301"),
    ],
    ids=["html", "nonsense", "endless", "error", "redirect"],
)
def test_a_server_that_misbehaves_is_one_router_that_failed(
    lab: Lab, alice: Node, body: bytes, kind: str, status: int, said: str
) -> None:
    lab["bob"].routing.provide(CID)
    with hostile(body, kind, status) as url:
        alice.routing.use(url, "dht")
        found = alice.routing.find_providers(CID)
    assert [peer.name for peer in found.providers] == ["bob"]
    assert found.answers[0].failed
    assert said in found.answers[0].answer


def test_a_server_that_lies_about_a_peer_is_not_believed_about_a_record(lab: Lab, alice: Node) -> None:
    key = Identity.derive(3, "a site")
    with hostile(b"no such record", IPNS) as url:
        alice.routing.use(url)
        got = alice.routing.get(b"/ipns/" + _binary(key))
    assert got.value is None
    assert got.answers[0].failed


def test_bytes_that_are_no_request_get_an_answer_and_end_nothing(lab: Lab, alice: Node) -> None:
    server = alice.routing.serve()
    port = int(server.address.rpartition(":")[2])
    for sent, status in ((b"nonsense\r\n\r\n", b"400"), (b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000, b"431")):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
            peer.sendall(sent)
            assert status in peer.recv(200).split(b"\r\n")[0]
    with httpx.Client(trust_env=False, timeout=60) as client:
        assert client.get(server.address).status_code == 404


def test_it_serves_again_when_the_node_comes_back_and_a_port_that_is_taken_is_said(lab: Lab, alice: Node) -> None:
    server = alice.routing.serve()
    port = int(server.address.rpartition(":")[2])
    with pytest.raises(ConfigurationError, match="cannot be listened at"):
        lab["bob"].routing.serve(port)
    for wrong in (-1, 70_000, "80"):
        with pytest.raises(ValidationError):
            alice.routing.serve(wrong)  # type: ignore[arg-type]
    alice.stop()
    assert lab.run_until(lambda: server.closed, timeout=30)
    alice.restart()
    assert lab.run_until(lambda: len(lab.events.filter(kind="routing.serving", node="alice")) == 2, timeout=30)
    assert alice.routing.serve().address == server.address


def test_addresses_of_servers_are_checked_and_a_mock_lab_has_none(lab: Lab, alice: Node) -> None:
    for wrong in ("http://", "http://user@host", "http://host:port", "http://host?x=1", "http://" + "a" * 2000):
        with pytest.raises(ValidationError):
            alice.routing.use(wrong)
    with Lab(seed=7) as mock:
        node = mock.start_node("alice")
        with pytest.raises(NotInThisWorldError, match="Lab\\('real'\\)"):
            node.routing.serve()
        with pytest.raises(NotInThisWorldError, match="mock lab"):
            node.routing.use("http://127.0.0.1:8080")
        assert node.routing.routers == ["local", "dht"]
