"""Delegated routing's core: what requests ask, how records are written, filtered, cached and read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from p2plab.errors import ProtocolViolation
from p2plab.identity.keys import Identity, parse_peer_id, peer_id_bytes
from p2plab.routing.delegated import (
    IPNS,
    JSON,
    MAX_BODY,
    NDJSON,
    DelegatedRequest,
    DelegatedResponse,
    Filters,
    RoutingRecord,
    answer_with,
    ipns_answer,
    key_text,
    max_age,
    question_of,
    record_line,
    records_of,
)

CID = "bafkreidon73zkcrwdb5iafqtijxildoonbwnpv7dyd6ef3qdgads2jc4su"
ALICE = Identity.derive(7, "alice").peer_id
TCP, QUIC, RELAY = (
    "/ip4/1.2.3.4/tcp/4001",
    "/ip4/1.2.3.4/udp/4001/quic-v1",
    f"/ip4/9.9.9.9/tcp/4001/p2p/{ALICE}/p2p-circuit",
)
RECORD = RoutingRecord(ALICE, (TCP, QUIC, RELAY), ("transport-bitswap",))


def ask(target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Any:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return question_of(method, f"/routing/v1{target}", named, body)


def test_paths_are_questions_and_what_names_nothing_is_answered_422() -> None:
    assert ask(f"/providers/{CID}").kind == "providers"
    assert str(ask(f"/providers/{CID}").cid) == CID
    assert ask(f"/peers/{ALICE}").peer == ALICE
    assert ask(f"/peers/{key_text(ALICE)}").peer == ALICE
    assert ask(f"/ipns/{key_text(ALICE)}").place == b"/ipns/" + peer_id_bytes(ALICE)
    assert ask(f"/dht/closest/peers/{CID}").kind == "closest"
    for bad in ("/providers/nothing", "/peers/nothing", "/ipns/nothing", "/dht/closest/peers/nothing"):
        assert ask(bad).status == 422
    for none in ("/", "/providers", "/nothing/x", f"/providers/{CID}/more", "/dht/closest"):
        assert ask(none).status == 404
    assert question_of("GET", "/", []).status == 404  # type: ignore[union-attr]
    assert ask(f"/providers/{CID}", method="POST").status == 405
    assert ask(f"/providers/{CID}?{'x' * 5000}").status == 414


def test_a_browser_may_ask_and_is_told_so() -> None:
    for answer in (
        ask(f"/providers/{CID}", method="OPTIONS"),
        ask("/nothing"),
        answer_with(ask(f"/peers/{ALICE}"), []),
    ):
        assert ("Access-Control-Allow-Origin", "*") in answer.headers


def test_an_answer_is_json_of_at_most_100_records_and_says_how_long_it_may_be_cached() -> None:
    question = ask(f"/providers/{CID}")
    answer = answer_with(question, [RECORD] * 120)
    told = json.loads(answer.text)
    assert len(told["Providers"]) == 100
    assert told["Providers"][0] == {
        "Schema": "peer",
        "ID": str(ALICE),
        "Addrs": [TCP, QUIC, RELAY],
        "Protocols": ["transport-bitswap"],
    }
    assert max_age(answer.headers) == 300
    empty = answer_with(question, [])
    assert (empty.status, json.loads(empty.text), max_age(empty.headers)) == (200, {"Providers": []}, 15)
    assert json.loads(answer_with(ask(f"/peers/{ALICE}"), [RECORD]).text)["Peers"][0]["ID"] == str(ALICE)
    line = record_line(question, RECORD)
    assert line is not None
    assert line.endswith(b"\n")
    assert json.loads(line)["Addrs"] == [TCP, QUIC, RELAY]


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("", [TCP, QUIC, RELAY]),
        ("filter-addrs=quic-v1", [QUIC]),
        ("filter-addrs=TCP", [TCP, RELAY]),
        ("filter-addrs=!p2p-circuit", [TCP, QUIC]),
        ("filter-addrs=tcp,!p2p-circuit", [TCP]),
        ("filter-addrs=webtransport", None),
        ("filter-addrs=webtransport,unknown", None),
        ("filter-protocols=transport-bitswap", [TCP, QUIC, RELAY]),
        ("filter-protocols=transport-ipfs-gateway-http", None),
        ("filter-protocols=unknown", None),
        ("filter-protocols=Transport-Bitswap&filter-addrs=quic-v1,tls", [QUIC]),
    ],
)
def test_filters_leave_what_was_asked_for(query: str, left: list[str] | None) -> None:
    found = ask(f"/providers/{CID}?{query}").filters.of(RECORD)
    assert (None if found is None else list(found.addresses)) == left


def test_unknown_stands_for_records_that_do_not_say() -> None:
    silent = RoutingRecord(ALICE)
    assert Filters(("tcp",)).of(silent) is None
    assert Filters(("tcp", "unknown")).of(silent) == silent
    assert Filters((), ("unknown",)).of(silent) == silent
    assert Filters((), ("transport-bitswap",)).of(silent) is None


def test_ndjson_is_given_where_it_is_asked_for() -> None:
    assert ask(f"/providers/{CID}", Accept=f"{NDJSON}, {JSON}").streamed
    assert not ask(f"/providers/{CID}", Accept=JSON).streamed


def test_an_ipns_record_is_put_with_its_type_and_given_with_its_age() -> None:
    question = ask(f"/ipns/{key_text(ALICE)}", method="PUT", body=b"record", Content_Type=IPNS)
    assert isinstance(question, DelegatedRequest)
    assert (question.kind, question.body) == ("put_ipns", b"record")
    assert ask(f"/ipns/{key_text(ALICE)}", method="PUT", body=b"x").status == 415
    answer = ipns_answer(b"record", ttl=60.7)
    assert dict(answer.headers)["Content-Type"] == IPNS
    assert max_age(answer.headers) == 60
    none = ipns_answer(None)
    assert isinstance(none, DelegatedResponse)
    assert none.status == 200
    assert dict(none.headers)["Content-Type"].startswith("text/plain")


def test_a_client_reads_what_a_server_writes_and_leaves_out_schemas_it_does_not_know() -> None:
    question = ask(f"/providers/{CID}")
    assert records_of(answer_with(question, [RECORD]).body, f"{JSON}; charset=utf-8") == [RECORD]
    lines = b'{"Schema":"new","x":1}\n\n' + (record_line(question, RECORD) or b"")
    assert records_of(lines, NDJSON) == [RECORD]
    old = {"Providers": [{"Schema": "bitswap", "Protocol": "transport-bitswap", "ID": str(ALICE), "Addrs": [TCP]}]}
    assert records_of(json.dumps(old).encode(), JSON) == [RoutingRecord(ALICE, (TCP,), ("transport-bitswap",))]
    assert records_of(b'{"Providers":null}', JSON) == []


def test_addresses_of_transports_that_are_not_known_are_left_out_alone() -> None:
    told = {"Peers": [{"Schema": "peer", "ID": str(ALICE), "Addrs": ["/carrier/pigeon", TCP, TCP], "Protocols": None}]}
    assert records_of(json.dumps(told).encode(), JSON) == [RoutingRecord(ALICE, (TCP,))]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>", JSON),
        (b"[]", JSON),
        (b"[" * 100_000, JSON),
        (b'{"Providers":5}', JSON),
        (b'{"Providers":[5]}', JSON),
        (b'{"Providers":[{"Schema":"peer","ID":"nobody"}]}', JSON),
        (b'{"Providers":[{"Schema":"peer","ID":5}]}', JSON),
        (b'{"Providers":[{"Schema":"peer","ID":"x","Addrs":[5]}]}', JSON),
        (b"{}", "text/html"),
        (b"{}\n" * 1001, NDJSON),
        (b'{"x":"' + b"a" * 70_000 + b'"}\n', NDJSON),
        (b" " * (MAX_BODY + 1), JSON),
    ],
    ids=[
        "html",
        "list",
        "deep",
        "number",
        "no record",
        "no peer",
        "no text",
        "address",
        "type",
        "lines",
        "line",
        "size",
    ],
)
def test_nonsense_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(ProtocolViolation):
        records_of(body, kind)


def test_a_peer_id_is_written_as_the_specification_has_it() -> None:
    # ipfs/specs and IPNS documentation write Ed25519 names as k51qzi5uqu5d…
    text = key_text(ALICE)
    assert text.startswith("k51qzi5uqu5")
    assert parse_peer_id(text) == ALICE


@pytest.mark.parametrize(
    ("value", "age"),
    [
        ("public, max-age=300", 300),
        ("no-store, max-age=300", 0),
        ("max-age=x", 0),
        ("max-age=99999999", 86_400),
        ("", 0),
    ],
)
def test_how_long_an_answer_may_be_cached(value: str, age: int) -> None:
    assert max_age([("cache-control", value)]) == age
