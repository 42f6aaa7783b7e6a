"""DAG-PB, DAG-CBOR and DAG-JSON against the fixtures of ipld/codec-fixtures, the ones that must be refused too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab.content import dag_json, dag_pb
from p2plab.errors import ProtocolViolation, ValidationError
from p2plab.identity import dag_cbor
from p2plab.identity.cid import as_cid, cid_for

DEPTH = 128
FIXTURES = json.loads((Path(__file__).parents[3] / "fixtures" / "ipld" / "codecs.json").read_text())
ALL = FIXTURES["fixtures"]
NEGATIVE = FIXTURES["negative"]


def cid(data: bytes, codec: str) -> str:
    return str(cid_for(data, codec))


def test_there_are_128_fixtures() -> None:
    assert len(ALL) == 128


def test_dag_cbor_reads_and_writes_every_fixture() -> None:
    for name, forms in ALL.items():
        expected, text = forms["dag-cbor"]
        data = bytes.fromhex(text)
        value = dag_cbor.decode(data, DEPTH)
        assert dag_cbor.encode(value) == data, name
        assert cid(data, "dag-cbor") == expected, name


def test_dag_json_reads_and_writes_what_dag_cbor_does() -> None:
    for name, forms in ALL.items():
        value = dag_json.decode(forms["dag-json"][1].encode())
        again = dag_cbor.encode(value)
        if name.startswith("float"):  # 1.0 and 1 are one number in JSON's text when other tools write it
            assert value == pytest.approx(dag_cbor.decode(bytes.fromhex(forms["dag-cbor"][1]), DEPTH))
            continue
        assert again.hex() == forms["dag-cbor"][1], name
        assert cid(dag_json.encode(value), "dag-json") == forms["dag-json"][0], name


def test_dag_pb_reads_and_writes_every_fixture() -> None:
    found = 0
    for name, forms in ALL.items():
        if "dag-pb" not in forms:
            continue
        expected, text = forms["dag-pb"]
        data = bytes.fromhex(text)
        node = dag_pb.decode_node(data)
        assert dag_pb.encode_node(node) == data, name
        assert cid(data, "dag-pb") == expected, name
        assert dag_cbor.encode(dag_pb.to_model(node)).hex() == forms["dag-cbor"][1], name
        assert dag_pb.from_model(dag_pb.to_model(node)) == node
        found += 1
    assert found == 17


@pytest.mark.parametrize(
    ("group", "decode", "error"),
    [
        ("dag-cbor/decode/duplicate-keys.json", dag_cbor.decode, ValueError),
        ("dag-json/decode/duplicate-keys.json", dag_json.decode, ValueError),
        ("dag-pb/decode/edges.json", dag_pb.decode_node, ProtocolViolation),
    ],
)
def test_bytes_that_must_not_be_read_are_refused(group: str, decode: Any, error: type[Exception]) -> None:
    for fixture in NEGATIVE[group]:
        with pytest.raises(error):
            decode(bytes.fromhex(fixture["hex"]))


@pytest.mark.parametrize("group", ["dag-pb/encode/basic-datamodel-kinds.json", "dag-pb/encode/invalid-forms.json"])
def test_values_that_are_no_dag_pb_node_are_refused(group: str) -> None:
    for fixture in NEGATIVE[group]:
        value = dag_json.decode(json.dumps(fixture["dag-json"]).encode())
        with pytest.raises(ValueError, match="dag-pb"):
            dag_pb.from_model(value)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for decode in (dag_cbor.decode, dag_json.decode):
        try:
            decode(data)
        except ValueError:
            continue
    try:
        assert dag_pb.encode_node(dag_pb.decode_node(data)) or not data
    except ProtocolViolation:
        return


class TestCid:
    @pytest.mark.parametrize("hash", ["sha2-256", "sha2-512", "blake2b-256", "identity"])
    def test_a_block_is_told_from_one_with_a_byte_changed(self, hash: str) -> None:
        made = cid_for(b"hello", "raw", hash)
        assert made.verify(b"hello")
        assert not made.verify(b"hellp")
        assert as_cid(str(made)) == as_cid(made.to_bytes()) == made

    def test_version_0_is_dag_pb_by_sha2_256_and_nothing_else(self) -> None:
        assert str(cid_for(b"", "dag-pb", version=0)) == "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n"
        with pytest.raises(ValidationError, match="has no version 0"):
            cid_for(b"", "raw", version=0)

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ({"codec": "git-raw"}, "dag-pb, dag-cbor"),
            ({"hash": "md5"}, "sha2-256, sha2-512"),
            ({"version": 2}, "version 0 and 1"),
        ],
    )
    def test_unknown_names_are_refused_with_what_there_is(self, arguments: Any, says: str) -> None:
        with pytest.raises(ValidationError, match=says):
            cid_for(b"", **arguments)

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("zQmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n", "a version 0 CID has no base prefix"),
            ("bafkqbaibifaucqkbifaucqkbifaucqkbifaucqkbifaucqkbifaucqkbifaucqkbifaucqkbifaucqkbifaucqkbifaucqkbifaucqkbi"
             "faucqkbifaucqkbifaucqkbifaucqkbifaucqkbifaucqkbifaucqkbifaucqkbifaucqkbifaucqkbifaucqkbifaucqkbifaucqkbif"
             "aucqkbifaucqkbifaucqi", "limit of 128"),
            ("!", "begins with"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_with_a_text_is_said(self, text: str, says: str) -> None:
        with pytest.raises(ValidationError, match=says):
            as_cid(text)

    def test_it_shows_its_ends_and_its_codec(self) -> None:
        assert repr(cid_for(b"hello")) == "<Cid bafkreib…hc4yeq raw>"
