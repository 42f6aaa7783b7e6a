"""A node's content over HTTP, as the specification of trustless gateways has it (ipfs/specs, http-gateways)."""

from __future__ import annotations

import io
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from p2plab import Lab, Node
from p2plab.content.car import CarReader
from p2plab.errors import ContentError, NotInThisWorldError, OverloadedError, ValidationError
from p2plab.identity import dag_cbor
from p2plab.identity.cid import Cid
from p2plab.identity.keys import Identity
from p2plab.kademlia.storage.ipns import make_ipns_record

RAW, CAR = "application/vnd.ipld.raw", "application/vnd.ipld.car"
# A busy machine may take longer than the 5 s that httpx waits.
get, head, post = (partial(verb, timeout=60) for verb in (httpx.get, httpx.head, httpx.post))


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab("real", seed=7) as lab:
        yield lab


@pytest.fixture
def alice(lab: Lab) -> Node:
    return lab.start_node("alice")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "docs" / "a.txt").write_text("hello\n")
    (tmp_path / "docs" / "deep" / "same.txt").write_text("hello\n")
    (tmp_path / "docs" / "big.bin").write_bytes(b"".join(number.to_bytes(4, "big") for number in range(800_000)))
    return tmp_path / "docs"


def cids(answer: httpx.Response) -> list[Cid]:
    """The blocks of a CAR, each checked against its CID."""
    return [cid for cid, _ in CarReader(io.BytesIO(answer.content))]


def test_a_block_is_given_as_it_is_with_the_heads_of_the_specification(alice: Node) -> None:
    cid = alice.content.add(b"hello\n")
    gateway = alice.content.gateway()
    assert alice.content.gateway() is gateway
    answer = get(f"{gateway.address}/ipfs/{cid}", headers={"Accept": RAW})
    assert (answer.status_code, answer.content) == (200, b"hello\n")
    heads = answer.headers
    assert heads["content-type"] == RAW
    assert heads["content-disposition"] == f'attachment; filename="{cid}.bin"'
    assert heads["x-content-type-options"] == "nosniff"
    assert heads["x-ipfs-path"] == f"/ipfs/{cid}"
    assert heads["etag"] == f'"{cid}.raw"'
    assert "immutable" in heads["cache-control"]
    again = get(f"{gateway.address}/ipfs/{cid}?format=raw", headers={"If-None-Match": heads["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    only = head(f"{gateway.address}/ipfs/{cid}?format=raw")
    assert (only.status_code, only.content, only.headers["content-length"]) == (200, b"", "6")


def test_a_car_holds_what_proves_the_path_and_the_part_that_was_asked_for(alice: Node, folder: Path) -> None:
    root = alice.content.add(folder)
    entries = {entry.name: entry.cid for entry in alice.content.ls(root)}
    pieces = alice.content.blocks.links(entries["big.bin"])
    address = f"{alice.content.gateway().address}/ipfs/{root}"

    whole = get(f"{address}?format=car")
    assert whole.headers["content-type"] == f"{CAR}; version=1; order=dfs; dups=n"
    assert CarReader(io.BytesIO(whole.content)).roots == [root]
    below = [root, entries["a.txt"], entries["big.bin"], *pieces, entries["deep"]]
    assert cids(whole) == below
    twice = get(f"{address}?format=car", headers={"Accept": f"{CAR}; dups=y"})
    assert cids(twice) == [*below, entries["a.txt"]]

    assert cids(get(f"{address}?format=car&dag-scope=block")) == [root]
    assert cids(get(f"{address}?format=car&dag-scope=entity")) == [root]
    file = get(f"{address}/big.bin?format=car&dag-scope=entity")
    assert cids(file) == [root, entries["big.bin"], *pieces]
    assert CarReader(io.BytesIO(file.content)).roots == [entries["big.bin"]]
    part = get(f"{address}/big.bin?format=car&entity-bytes=0:99")
    assert cids(part) == [root, entries["big.bin"], pieces[0]]
    end = get(f"{address}/big.bin?format=car&entity-bytes=-10:*")
    assert cids(end) == [root, entries["big.bin"], pieces[-1]]
    block = get(f"{address}/deep/same.txt?format=raw")
    assert block.content == b"hello\n"


def test_what_is_not_here_is_fetched_unless_it_must_not_be(lab: Lab, alice: Node) -> None:
    bob = lab.start_node("bob")
    alice.connect(bob)
    cid = bob.content.add(b"from bob")
    address = f"{alice.content.gateway().address}/ipfs/{cid}?format=raw"
    assert get(address, headers={"Cache-Control": "only-if-cached"}).status_code == 412
    assert get(address, timeout=30).content == b"from bob"
    assert get(address, headers={"Cache-Control": "only-if-cached"}).content == b"from bob"


@pytest.mark.parametrize(
    ("target", "status", "said"),
    [
        ("/", 404, "/ipfs/{cid}"),
        ("/ipfs/nonsense?format=raw", 400, "nonsense"),
        ("/ipfs/CID", 406, "only what can be verified"),
        ("/ipfs/CID?format=tar", 406, "only what can be verified"),
        ("/ipfs/CID?format=car&car-version=2", 406, "version 1"),
        ("/ipfs/CID?format=car&dag-scope=half", 400, "block, entity or all"),
        ("/ipfs/CID?format=car&entity-bytes=x:y", 400, "from:to"),
        ("/ipfs/CID/none.txt?format=raw", 404, "none.txt"),
        ("/ipfs/CID/%2e%2e/a.txt?format=raw", 400, "none of them is . or .."),
        ("/ipfs/CID/a%0d%0aSet-Cookie:x?format=raw", 404, "a"),
    ],
)
def test_a_request_that_cannot_be_answered_is_told_why(
    alice: Node, folder: Path, target: str, status: int, said: str
) -> None:
    root = alice.content.add(folder)
    answer = get(alice.content.gateway().address + target.replace("CID", str(root)))
    assert answer.status_code == status
    assert said in answer.text
    assert "set-cookie" not in answer.headers


def test_nothing_is_changed_through_it(alice: Node) -> None:
    gateway = alice.content.gateway()
    answer = post(f"{gateway.address}/ipfs/bafkqaaa?format=raw")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    alice.content.stop_gateway()
    with pytest.raises(httpx.ConnectError):
        get(gateway.address)


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_curl_gets_a_car_that_another_node_takes(lab: Lab, alice: Node, folder: Path, tmp_path: Path) -> None:
    root = alice.content.add(folder)
    address = f"{alice.content.gateway().address}/ipfs/{root}?format=car"
    subprocess.run(["curl", "-sS", "--max-time", "20", "-o", tmp_path / "docs.car", address], check=True)
    bob = lab.start_node("bob")
    assert bob.content.import_car(tmp_path / "docs.car") == [root]
    assert bob.content.cat(f"{root}/a.txt") == b"hello\n"


def test_a_mock_node_has_no_gateway() -> None:
    with Lab(seed=7) as lab, pytest.raises(NotInThisWorldError, match="cannot serve HTTP"):
        lab.start_node("alice").content.gateway()


def test_a_document_leads_to_what_it_links_and_the_answer_names_every_step(alice: Node) -> None:
    file = alice.content.add(b"hello\n")
    document = alice.content.blocks.put(dag_cbor.encode({"files": {"single": file}}), codec="dag-cbor")
    address = f"{alice.content.gateway().address}/ipfs/{document}"
    answer = get(f"{address}/files/single?format=car")
    assert cids(answer) == [document, file]
    assert answer.headers["x-ipfs-roots"] == f"{document},{file}"
    assert get(f"{address}/files?format=car").status_code == 404


def test_the_signed_record_of_a_name_is_given_as_it_is(lab: Lab, alice: Node) -> None:
    alice.connect(lab.start_node("bob"))
    site = Identity.derive(3, "a site")
    key = f"/ipns/{site.peer_id}"
    record = make_ipns_record(site, "/ipfs/bafkqaaa", 1, time.time())
    alice.dht.put(key, record)
    gateway = alice.content.gateway()
    answer = get(f"{gateway.address}{key}?format=ipns-record")
    assert (answer.status_code, answer.content) == (200, record)
    assert answer.headers["content-type"] == "application/vnd.ipfs.ipns-record"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert get(f"{gateway.address}/ipns/nothing?format=ipns-record").status_code == 400
    assert get(f"{gateway.address}{key}").status_code == 406


Canned = tuple[int, str, list[bytes], bool]


def _always(given: Canned, path: str) -> Canned:
    return given


@contextmanager
def server(answers: Callable[[str], Canned]) -> Iterator[str]:
    """A server of another make: status, type, chunks, and whether it ends its answer as it should."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, kind, chunks, ends = answers(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in chunks:
                self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            if ends:
                self.wfile.write(b"0\r\n\r\n")
            self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}"
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def test_content_comes_from_a_gateway_and_is_verified(lab: Lab, alice: Node, folder: Path, tmp_path: Path) -> None:
    root = alice.content.add(folder)
    gateway = alice.content.gateway()
    blocks = len(alice.content.blocks)
    bob = lab.start_node("bob")
    fetched = bob.content.fetch_from(gateway, root, pin=True)
    assert (fetched.cid, fetched.blocks, fetched.duplicates, fetched.local) == (root, blocks, 1, 0)
    assert fetched.bytes == alice.content.blocks.size == bob.content.blocks.size
    assert f"{gateway.address} was asked for {root}: {blocks + 1} blocks" in str(lab.why(fetched))
    assert str(fetched).endswith(f"from {gateway.address}; 1 duplicate")
    written = bob.content.get(root, to=tmp_path / "out")
    assert (written / "big.bin").read_bytes() == (folder / "big.bin").read_bytes()
    again = bob.content.fetch_from(f"{gateway.address}/ipfs", root, format="raw")
    assert (again.blocks, again.local, again.path) == (0, blocks, [])

    carol = lab.start_node("carol")
    part = carol.content.fetch_from(gateway, f"{root}/big.bin", offset=1_500_000, length=10)
    assert part.blocks == 3, "the folder, the file's root and one chunk"
    some = carol.content.fetch_from(gateway, root, format="raw", scope="entity")
    assert (some.blocks, some.local) == (0, 1)
    rest = carol.content.fetch_from(gateway, root, format="raw")
    assert (rest.blocks, rest.local) == (blocks - 3, 3)
    assert [step.asked for step in rest.path] == ["raw"] * rest.blocks
    assert lab.events.filter(kind="error") == []
    dora = lab.start_node("dora")
    by_name = dora.content.fetch_from("alice", f"{root}/big.bin")
    again = dora.content.fetch_from(alice, f"{root}/big.bin", format="raw")
    assert (by_name.path[0].server, by_name.blocks) == (gateway.address, again.local)
    with pytest.raises(
        ValidationError, match=r"bob serves its content to nobody over HTTP; its content.gateway\(\) would"
    ):
        dora.content.fetch_from(bob, root)
    with pytest.raises(ValidationError, match=r"'alise' is no node, and no address of a server .* did you mean alice"):
        dora.content.fetch_from("alise", root)
    with pytest.raises(ValidationError, match="pin=True"):
        carol.content.fetch_from(gateway, root, pin=True, scope="block")
    with pytest.raises(ValidationError, match="there are block, entity, all"):
        carol.content.fetch_from(gateway, root, scope="blocks")
    with pytest.raises(ContentError, match="answered 404"):
        carol.content.fetch_from(gateway, f"{root}/none")


def test_what_a_server_gets_wrong_is_noticed_where_it_stands(lab: Lab, alice: Node, folder: Path) -> None:
    root = alice.content.add(folder)
    car = get(f"{alice.content.gateway().address}/ipfs/{root}", headers={"Accept": f"{CAR}; order=dfs; dups=y"}).content
    chunks = [car[at : at + 100_000] for at in range(0, len(car), 100_000)]
    spoiled = bytearray(car)
    spoiled[2_000_000] ^= 1
    wrong = [bytes(spoiled[at : at + 100_000]) for at in range(0, len(spoiled), 100_000)]
    kind = f"{CAR}; version=1; order=dfs; dups=y"
    cases: dict[str, tuple[Canned, str, int]] = {
        "cut": ((200, kind, chunks[:-3], False), "did not give .* to its end", 5),
        "short": ((200, kind, chunks[:-3], True), "ends early", 5),
        "wrong": ((200, kind, wrong, True), "hash is another", 4),
        "page": ((200, "text/html", [b"<html>"], True), "'text/html'", 0),
        "more": ((200, kind, [*chunks, chunks[0]], True), "more comes", 8),
    }
    for name, (given, problem, kept) in cases.items():
        node = lab.start_node(name)
        with server(partial(_always, given)) as address, pytest.raises(ContentError, match=problem) as caught:
            node.content.fetch_from(address, root)
        event = lab.events[caught.value.event or 0]
        assert (event.kind, len(node.content.blocks)) == ("content.not_fetched", kept), name
    with server(lambda path: (200, RAW, [b"something else"], True)) as address:
        with pytest.raises(ContentError, match="have another hash"):
            lab.start_node("raw").content.fetch_from(address, root, format="raw")
    with server(lambda path: (200, RAW, [bytes(1 << 20)] * 5, True)) as address:
        with pytest.raises(OverloadedError, match="over 4194304 bytes"):
            lab["raw"].content.fetch_from(address, root, format="raw")


def test_a_mock_node_reaches_no_server() -> None:
    with Lab(seed=7) as lab, pytest.raises(NotInThisWorldError, match="nothing outside"):
        lab.start_node("alice").content.fetch_from("http://127.0.0.1:8080", "bafkqaaa")


def test_a_node_of_the_role_serves_content_and_again_after_a_restart(lab: Lab) -> None:
    node = lab.start_node("served", role="gateway")
    cid = node.content.add(b"hello")
    assert lab.run_until(lambda: lab.events.filter(kind="content.serving", node="served"), timeout=30)
    address = node.content.gateway().address
    assert get(f"{address}/ipfs/{cid}?format=raw").content == b"hello"
    node.crash()
    with pytest.raises(httpx.ConnectError):
        get(f"{address}/ipfs/{cid}?format=raw")
    node.restart()
    assert lab.run_until(lambda: len(lab.events.filter(kind="content.serving", node="served")) == 2, timeout=30)
    assert get(f"{address}/ipfs/{cid}?format=raw").content == b"hello"
    node.set_role("pinner")
    with pytest.raises(httpx.ConnectError):
        get(f"{address}/ipfs/{cid}?format=raw")
