"""Records: keys, namespaces, validators, dates and the CBOR that IPNS is written in."""

from __future__ import annotations

import datetime
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab.constants import KAD_ID, LAB_KAD_ID
from p2plab.errors import PeerIdError, ValidationError
from p2plab.identity import dag_cbor
from p2plab.identity.keys import Identity, peer_id_bytes
from p2plab.kademlia import PlainValidator
from p2plab.kademlia.storage.ipns import IpnsValidator, make_ipns_record, read_ipns_record
from p2plab.kademlia.storage.records import PublicKeyValidator, key_text, namespace_of, record_key, validators_for
from p2plab.kademlia.storage.rfc3339 import date_text, nanoseconds_of

ALICE = Identity.derive(1, "alice")
BOB = Identity.derive(1, "bob")
NOW = 1_700_000_000.0
NAME = b"/ipns/" + peer_id_bytes(ALICE.peer_id)


# -- keys


def test_a_key_is_a_path_whose_peer_ids_become_binary() -> None:
    assert record_key("/lab/greeting") == b"/lab/greeting"
    assert record_key(b"/lab/\xff") == b"/lab/\xff"
    assert record_key(f"/pk/{ALICE.peer_id}") == b"/pk/" + peer_id_bytes(ALICE.peer_id)
    assert record_key(f"/ipns/{ALICE.peer_id}") == NAME
    assert key_text(NAME) == f"/ipns/{ALICE.peer_id}"
    assert key_text(b"/lab/greeting") == "/lab/greeting"
    assert key_text(peer_id_bytes(BOB.peer_id)) == BOB.peer_id
    assert key_text(b"\x00\xffraw") == "00ff726177"


@pytest.mark.parametrize("bad", ["greeting", "", "/", "/lab", "/lab/", "//x", b"lab/x", str(ALICE.peer_id)])
def test_a_key_without_a_namespace_is_refused(bad: str | bytes) -> None:
    with pytest.raises(ValidationError, match="namespace"):
        record_key(bad)


@pytest.mark.parametrize("bad", [None, 5, ("/lab", "x")])
def test_a_key_is_text_or_bytes(bad: Any) -> None:
    with pytest.raises(ValidationError, match="text or bytes"):
        record_key(bad)


def test_a_key_that_should_hold_a_peer_id_must() -> None:
    with pytest.raises(PeerIdError):
        record_key("/pk/nobody")


def test_the_public_network_carries_pk_and_ipns_only() -> None:
    assert set(validators_for(KAD_ID, {})) == {"pk", "ipns"}
    assert set(validators_for(LAB_KAD_ID, {"demo": PlainValidator()})) == {"pk", "ipns", "lab", "demo"}
    with pytest.raises(ValidationError, match="/pk and /ipns"):
        validators_for(KAD_ID, {"demo": PlainValidator()})
    assert namespace_of(b"/demo/a/b") == "demo"


# -- validators


def test_plain_values_are_decided_by_majority_and_by_order_among_equals() -> None:
    plain = PlainValidator()
    plain.validate(b"/lab/x", b"anything", NOW)
    assert plain.select(b"/lab/x", [b"new", b"old"]) == 0
    assert plain.select(b"/lab/x", [b"old", b"new", b"new"]) == 1
    assert plain.select(b"/lab/x", [b"a", b"b", b"b", b"a"]) == 0


def test_a_public_key_stands_under_its_own_id_only() -> None:
    validator = PublicKeyValidator()
    key = record_key(f"/pk/{ALICE.peer_id}")
    validator.validate(key, ALICE.public_key, NOW)
    with pytest.raises(ValidationError, match="not of the peer"):
        validator.validate(key, BOB.public_key, NOW)
    assert validator.select(key, [ALICE.public_key]) == 0


def test_a_big_public_key_stands_under_its_hash() -> None:
    import hashlib

    big = b"\x08\x00\x12\xc8\x01" + bytes(200)
    key = b"/pk/\x12\x20" + hashlib.sha256(big).digest()
    PublicKeyValidator().validate(key, big, NOW)
    with pytest.raises(ValidationError):
        PublicKeyValidator().validate(key, big + b"x", NOW)


# -- IPNS


def test_an_ipns_record_says_what_was_signed() -> None:
    record = read_ipns_record(NAME, make_ipns_record(ALICE, "/ipfs/bafy", 7, NOW, lifetime=60.0, ttl=2.0), NOW)
    assert (record.value, record.sequence, record.ttl) == (b"/ipfs/bafy", 7, 2_000_000_000)
    assert record.expires == round((NOW + 60) * 1e9)


def entry_of(record: bytes) -> Any:
    from p2plab.kademlia.storage.ipns import _WIRE

    entry = _WIRE["IpnsEntry"]()
    entry.ParseFromString(record)
    return entry


def forged(record: bytes, **changes: Any) -> bytes:
    entry = entry_of(record)
    for name, value in changes.items():
        setattr(entry, name, value)
    data: bytes = entry.SerializeToString()
    return data


GOOD = make_ipns_record(ALICE, "/ipfs/bafy", 1, NOW)
SIGNED = entry_of(GOOD).data


def signed(fields: dict[str, Any]) -> bytes:
    data = dag_cbor.encode(fields)
    return forged(GOOD, data=data, signatureV2=ALICE.sign(b"ipns-signature:" + data))


FIELDS = dag_cbor.decode(SIGNED)


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (b"", "no second-version signature"),
        (b"\xff\xff", "not a protobuf"),
        (bytes(10 * 1024 + 1), "over the limit"),
        (forged(GOOD, signatureV2=b""), "no second-version signature"),
        (forged(GOOD, signatureV2=bytes(64)), "signature"),
        (forged(GOOD, data=SIGNED + b"\x00"), "signature"),
        (forged(GOOD, value=b"/ipfs/other"), "differ from what is signed"),
        (forged(GOOD, signatureV1=b"x"), "differ from what is signed"),
        (forged(GOOD, pubKey=BOB.public_key), "not that of the name"),
        (forged(GOOD, pubKey=b"junk"), "not that of the name|none"),
        (signed({**FIELDS, "Validity": b"yesterday"}), "unreadable"),
        (signed({**FIELDS, "ValidityType": 1}), "validity type"),
        (signed({**FIELDS, "Sequence": -1}), "no valid Sequence"),
        (signed({**FIELDS, "Value": "text"}), "no valid Value"),
        (signed({key: value for key, value in FIELDS.items() if key != "TTL"}), "no valid TTL"),
        (signed({**FIELDS, "Validity": b"2020-01-01T00:00:00Z"}), "was valid until"),
        (make_ipns_record(BOB, "/ipfs/bafy", 1, NOW), "signature"),
    ],
)
def test_an_ipns_record_that_breaks_a_rule_is_refused(record: bytes, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        IpnsValidator().validate(NAME, record, NOW)


@pytest.mark.real
def test_py_libp2p_takes_and_refuses_the_same_ipns_records() -> None:
    from libp2p.records.ipns import IPNSValidator

    theirs, text = IPNSValidator(), f"/ipns/{ALICE.peer_id}"
    newer = make_ipns_record(ALICE, "/ipfs/bafy", 2, time.time())
    older = make_ipns_record(ALICE, "/ipfs/bafy", 1, time.time())
    theirs.validate(text, newer)
    assert theirs.select(text, [older, newer]) == IpnsValidator().select(NAME, [older, newer]) == 1
    late = make_ipns_record(ALICE, "/ipfs/bafy", 1, time.time() - 100.0, lifetime=50.0)
    foreign = make_ipns_record(BOB, "/ipfs/bafy", 1, time.time())
    for wrong in (late, foreign, forged(newer, signatureV2=bytes(64)), forged(newer, value=b"/ipfs/other"), b"\xff"):
        with pytest.raises(Exception, match=r"."):
            theirs.validate(text, wrong)
        with pytest.raises(ValidationError):
            IpnsValidator().validate(NAME, wrong, time.time())


def test_first_version_fields_and_unknown_fields_do_no_harm_when_they_agree() -> None:
    old = forged(
        GOOD, value=FIELDS["Value"], validity=FIELDS["Validity"], validityType=0, sequence=1, ttl=FIELDS["TTL"]
    )
    assert read_ipns_record(NAME, forged(old, signatureV1=b"anything"), NOW).sequence == 1
    assert read_ipns_record(NAME, signed({**FIELDS, "_more": [1, None, True]}), NOW).sequence == 1
    assert read_ipns_record(NAME, forged(GOOD, pubKey=ALICE.public_key), NOW).sequence == 1


def test_the_newest_ipns_record_wins_wherever_it_stands() -> None:
    first = make_ipns_record(ALICE, "/ipfs/a", 1, NOW)
    longer = make_ipns_record(ALICE, "/ipfs/a", 1, NOW, lifetime=99_999.0 * 3600)
    second = make_ipns_record(ALICE, "/ipfs/b", 2, NOW)
    select = IpnsValidator().select
    assert select(NAME, [first, second]) == 1
    assert select(NAME, [second, longer, first]) == 0
    assert select(NAME, [first, longer]) == 1
    assert select(NAME, [longer, longer]) == 0


def test_a_record_too_large_or_with_no_sequence_is_not_made() -> None:
    with pytest.raises(ValidationError, match="over the limit"):
        make_ipns_record(ALICE, "/ipfs/" + "x" * 11_000, 1, NOW)
    with pytest.raises(ValidationError, match="sequence"):
        make_ipns_record(ALICE, "/ipfs/x", -1, NOW)


@given(st.binary(max_size=300))
def test_any_bytes_as_an_ipns_record_are_a_validation_error(data: bytes) -> None:
    with pytest.raises(ValidationError):
        IpnsValidator().validate(NAME, data, NOW)


# -- dates


@given(st.integers(0, 253_402_300_799 * 10**9 + 999_999_999))
def test_a_date_is_read_back(nanoseconds: int) -> None:
    text = date_text(nanoseconds)
    assert nanoseconds_of(text) == nanoseconds
    expected = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=nanoseconds // 1000)
    assert text.startswith(expected.isoformat(timespec="seconds"))


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1970-01-01T01:00:00+01:00", 0),
        ("2000-02-29T12:00:00Z", 951_825_600 * 10**9),
        ("2024-03-01t00:00:00.5z", 1_709_251_200 * 10**9 + 500_000_000),
        ("1969-12-31T23:59:59Z", -(10**9)),
    ],
)
def test_known_dates(text: str, nanoseconds: int) -> None:
    assert nanoseconds_of(text) == nanoseconds


@pytest.mark.parametrize(
    "text", ["", "today", "2023-02-29T00:00:00Z", "2023-13-01T00:00:00Z", "2023-01-01", "٢٠٢٣-01-01T00:00:00Z"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="date"):
        nanoseconds_of(text)


# -- DAG-CBOR

VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=40) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.dear
@given(VALUES)
def test_a_value_is_read_back_and_has_one_encoding(value: Any) -> None:
    assert dag_cbor.decode(dag_cbor.encode(value)) == value


@pytest.mark.real  # cbor2 comes with py-libp2p
@given(VALUES)
def test_the_encoding_is_that_of_an_implementation_of_cbor(value: Any) -> None:
    import cbor2

    assert cbor2.loads(dag_cbor.encode(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x18\x01",  # 1 in two bytes
        b"\x5f\x41a\xff",  # bytes without a length
        b"\xa2\x61b\x01\x61a\x02",  # keys out of order
        b"\xa2\x61a\x01\x61a\x02",  # a key twice
        b"\xa1\x01\x02",  # a key that is no text
        b"\xfb\x7f\xf8" + bytes(6),  # not a number
        b"\xc0\x61a",  # a tag
        b"\x9b" + b"\xff" * 8,  # a list longer than everything
        b"\x43ab",  # cut off
        b"\x01\x02",  # something after the end
        b"\x81" * 40 + b"\x01",  # too deep
        b"\x61\xff",  # text that is not UTF-8
    ],
)
def test_strange_cbor_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # many messages
        dag_cbor.decode(data)


@pytest.mark.parametrize("value", [float("inf"), {1: 2}, object(), 2**64])
def test_what_these_records_cannot_hold_is_not_written(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        dag_cbor.encode(value)
