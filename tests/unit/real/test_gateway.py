"""A node's content over HTTP, as the specification of trustless gateways has it (ipfs/specs, http-gateways)."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from p2plab import Lab, Node
from p2plab.content.car import CarReader
from p2plab.errors import NotInThisWorldError
from p2plab.identity.cid import Cid

RAW, CAR = "application/vnd.ipld.raw", "application/vnd.ipld.car"


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
    answer = httpx.get(f"{gateway.address}/ipfs/{cid}", headers={"Accept": RAW})
    assert (answer.status_code, answer.content) == (200, b"hello\n")
    head = answer.headers
    assert head["content-type"] == RAW
    assert head["content-disposition"] == f'attachment; filename="{cid}.bin"'
    assert head["x-content-type-options"] == "nosniff"
    assert head["x-ipfs-path"] == f"/ipfs/{cid}"
    assert head["etag"] == f'"{cid}.raw"'
    assert "immutable" in head["cache-control"]
    again = httpx.get(f"{gateway.address}/ipfs/{cid}?format=raw", headers={"If-None-Match": head["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    only = httpx.head(f"{gateway.address}/ipfs/{cid}?format=raw")
    assert (only.status_code, only.content, only.headers["content-length"]) == (200, b"", "6")


def test_a_car_holds_what_proves_the_path_and_the_part_that_was_asked_for(alice: Node, folder: Path) -> None:
    root = alice.content.add(folder)
    entries = {entry.name: entry.cid for entry in alice.content.ls(root)}
    pieces = alice.content.blocks.links(entries["big.bin"])
    address = f"{alice.content.gateway().address}/ipfs/{root}"

    whole = httpx.get(f"{address}?format=car")
    assert whole.headers["content-type"] == f"{CAR}; version=1; order=dfs; dups=n"
    assert CarReader(io.BytesIO(whole.content)).roots == [root]
    below = [root, entries["a.txt"], entries["big.bin"], *pieces, entries["deep"]]
    assert cids(whole) == below
    twice = httpx.get(f"{address}?format=car", headers={"Accept": f"{CAR}; dups=y"})
    assert cids(twice) == [*below, entries["a.txt"]]

    assert cids(httpx.get(f"{address}?format=car&dag-scope=block")) == [root]
    assert cids(httpx.get(f"{address}?format=car&dag-scope=entity")) == [root]
    file = httpx.get(f"{address}/big.bin?format=car&dag-scope=entity")
    assert cids(file) == [root, entries["big.bin"], *pieces]
    assert CarReader(io.BytesIO(file.content)).roots == [entries["big.bin"]]
    part = httpx.get(f"{address}/big.bin?format=car&entity-bytes=0:99")
    assert cids(part) == [root, entries["big.bin"], pieces[0]]
    end = httpx.get(f"{address}/big.bin?format=car&entity-bytes=-10:*")
    assert cids(end) == [root, entries["big.bin"], pieces[-1]]
    block = httpx.get(f"{address}/deep/same.txt?format=raw")
    assert block.content == b"hello\n"


def test_what_is_not_here_is_fetched_unless_it_must_not_be(lab: Lab, alice: Node) -> None:
    bob = lab.start_node("bob")
    alice.connect(bob)
    cid = bob.content.add(b"from bob")
    address = f"{alice.content.gateway().address}/ipfs/{cid}?format=raw"
    assert httpx.get(address, headers={"Cache-Control": "only-if-cached"}).status_code == 412
    assert httpx.get(address, timeout=30).content == b"from bob"
    assert httpx.get(address, headers={"Cache-Control": "only-if-cached"}).content == b"from bob"


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
    answer = httpx.get(alice.content.gateway().address + target.replace("CID", str(root)))
    assert answer.status_code == status
    assert said in answer.text
    assert "set-cookie" not in answer.headers


def test_nothing_is_changed_through_it(alice: Node) -> None:
    gateway = alice.content.gateway()
    answer = httpx.post(f"{gateway.address}/ipfs/bafkqaaa?format=raw")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    alice.content.stop_gateway()
    with pytest.raises(httpx.ConnectError):
        httpx.get(gateway.address)


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
