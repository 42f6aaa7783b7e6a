"""The relay's decisions, its messages, and vouchers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import ProtocolViolation, ValidationError
from p2plab.identity import Identity
from p2plab.identity.envelope import payload_type_of
from p2plab.nat.relay import Circuit, Refused, RelayParams, RelayServer
from p2plab.nat.relay_messages import (
    HopMessage,
    HopType,
    RelayLimit,
    RelayStatus,
    Reservation,
    StopMessage,
    StopType,
    decode_hop,
    decode_stop,
    encode_hop,
    encode_stop,
    open_voucher,
    sign_voucher,
)

R, A, B, C = (Identity.derive(0, name) for name in "RABC")
HOUR = 3600 * TICKS_PER_SECOND


def status(answer: object) -> RelayStatus:
    assert isinstance(answer, Refused)
    return answer.status


class TestReservations:
    def test_a_reservation_lasts_an_hour_and_is_renewed(self) -> None:
        relay = RelayServer()
        assert relay.reserve(A.peer_id, "1.1.1.1", 0) == HOUR
        assert relay.reserve(A.peer_id, "1.1.1.1", HOUR - 1) == 2 * HOUR - 1
        assert [slot.peer for slot in relay.reservations(HOUR)] == [A.peer_id]
        assert relay.reservations(2 * HOUR - 1) == []

    def test_too_many_are_refused_with_the_spec_s_code_and_a_renewal_is_none_too_many(self) -> None:
        relay = RelayServer(RelayParams(reservations=1))
        relay.reserve(A.peer_id, "1.1.1.1", 0)
        assert status(relay.reserve(B.peer_id, "1.1.1.2", 0)) == RelayStatus.RESERVATION_REFUSED
        assert relay.reserve(A.peer_id, "1.1.1.1", 1) == HOUR + 1

    def test_one_ip_address_gets_so_many(self) -> None:
        relay = RelayServer(RelayParams(per_ip=2))
        peers = [Identity.derive(0, f"p{number}").peer_id for number in range(3)]
        assert [isinstance(relay.reserve(peer, "1.1.1.1", 0), int) for peer in peers] == [True, True, False]
        assert isinstance(relay.reserve(peers[2], "1.1.1.2", 0), int)

    def test_it_ends_with_the_connection(self) -> None:
        relay = RelayServer()
        relay.reserve(A.peer_id, "1.1.1.1", 0)
        assert relay.peer_gone(A.peer_id)
        assert status(relay.connect(B.peer_id, A.peer_id, 1)) == RelayStatus.NO_RESERVATION

    def test_none_over_a_relayed_connection(self) -> None:
        assert status(RelayServer().reserve(A.peer_id, "1.1.1.1", 0, relayed=True)) == RelayStatus.PERMISSION_DENIED

    def test_an_acl_denies(self) -> None:
        relay = RelayServer(allow=lambda source, target: source != A.peer_id)
        assert status(relay.reserve(A.peer_id, "1.1.1.1", 0)) == RelayStatus.PERMISSION_DENIED
        assert isinstance(relay.reserve(B.peer_id, "1.1.1.1", 0), int)


class TestCircuits:
    def test_without_a_reservation_there_is_none(self) -> None:
        assert status(RelayServer().connect(A.peer_id, B.peer_id, 0)) == RelayStatus.NO_RESERVATION

    def test_a_peer_has_so_many_and_one_that_ends_makes_room(self) -> None:
        relay = RelayServer(RelayParams(circuits=1))
        relay.reserve(B.peer_id, "1.1.1.1", 0)
        first = relay.connect(A.peer_id, B.peer_id, 0)
        assert isinstance(first, Circuit)
        assert status(relay.connect(C.peer_id, B.peer_id, 0)) == RelayStatus.RESOURCE_LIMIT_EXCEEDED
        relay.closed(first)
        assert isinstance(relay.connect(C.peer_id, B.peer_id, 0), Circuit)

    def test_the_data_limit_counts_each_direction_to_the_byte(self) -> None:
        relay = RelayServer(RelayParams(data=1000))
        relay.reserve(B.peer_id, "1.1.1.1", 0)
        circuit = relay.connect(A.peer_id, B.peer_id, 0)
        assert isinstance(circuit, Circuit)
        assert circuit.pass_on(A.peer_id, 1000)
        assert circuit.pass_on(B.peer_id, 999)
        assert not circuit.pass_on(A.peer_id, 1)
        assert circuit.pass_on(B.peer_id, 1)

    def test_its_time_begins_when_the_target_has_taken_it(self) -> None:
        relay = RelayServer()
        relay.reserve(B.peer_id, "1.1.1.1", 0)
        circuit = relay.connect(A.peer_id, B.peer_id, 3)
        assert isinstance(circuit, Circuit)
        relay.joined(circuit, 5)
        assert circuit.ends == 5 + 120 * TICKS_PER_SECOND

    @pytest.mark.parametrize("wrong", [{"circuits": -1}, {"ttl": 0}, {"data": 0}, {"per_ip": 1.5}])
    def test_limits_that_are_none_are_refused_by_name(self, wrong: dict[str, object]) -> None:
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            RelayParams().replace(**wrong)


class TestMessages:
    def test_they_come_back_as_they_were(self) -> None:
        address = f"/ip4/1.2.3.4/tcp/4001/p2p/{R.peer_id}"
        hop = HopMessage(
            HopType.STATUS, None, Reservation(1_800_000_000, (address,), b"v"), RelayLimit(120, 1 << 17), RelayStatus.OK
        )
        assert decode_hop(encode_hop(hop)) == hop
        stop = StopMessage(StopType.CONNECT, A.peer_id, RelayLimit(120, 1 << 17))
        assert decode_stop(encode_stop(stop)) == stop

    def test_the_bytes_are_those_of_the_spec_s_schema(self) -> None:
        assert encode_hop(HopMessage(HopType.RESERVE)) == bytes.fromhex("0800")
        assert encode_stop(StopMessage(StopType.STATUS, status=RelayStatus.OK)) == bytes.fromhex("08012064")
        assert encode_hop(HopMessage(HopType.STATUS, status=RelayStatus.NO_RESERVATION)) == bytes.fromhex("080228cc01")

    def test_an_unknown_status_is_never_ok(self) -> None:
        assert decode_hop(bytes.fromhex("0802287b")).status == RelayStatus.UNUSED

    @pytest.mark.parametrize("wrong", [b"", b"\xff", bytes.fromhex("0809"), bytes.fromhex("080112020a00"), bytes(5000)])
    def test_what_is_no_message_is_a_violation(self, wrong: bytes) -> None:
        with pytest.raises(ProtocolViolation):
            decode_hop(wrong)

    @given(st.binary(max_size=300))
    def test_no_bytes_raise_anything_else(self, data: bytes) -> None:
        for decode in (decode_hop, decode_stop):
            try:
                decode(data)
            except ProtocolViolation:
                continue


class TestVouchers:
    def test_a_relay_s_word_is_believed(self) -> None:
        voucher = open_voucher(sign_voucher(R, A.peer_id, 1_800_000_000), R.peer_id, A.peer_id)
        assert (voucher.relay, voucher.peer, voucher.expiration) == (R.peer_id, A.peer_id, 1_800_000_000)

    @pytest.mark.parametrize(
        ("data", "says"),
        [
            (sign_voucher(C, A.peer_id, 1), "signed"),
            (sign_voucher(R, B.peer_id, 1), "about"),
            (sign_voucher(R, A.peer_id, 1)[:-1] + b"\0", "signature"),
            (b"\xff\xff", "no reservation voucher"),
        ],
    )
    def test_a_forged_one_is_not(self, data: bytes, says: str) -> None:
        with pytest.raises(ProtocolViolation, match=says):
            open_voucher(data, R.peer_id, A.peer_id)

    def test_its_type_is_written_as_go_and_js_write_it(self) -> None:
        assert payload_type_of(sign_voucher(R, A.peer_id, 1)) == b"\x03\x02"

    def test_a_peer_record_is_no_voucher(self) -> None:
        from p2plab.identity.peer_record import sign_record

        with pytest.raises(ProtocolViolation, match="holds no reservation voucher"):
            open_voucher(sign_record(R, ["/ip4/1.2.3.4/tcp/1"], 1), R.peer_id, A.peer_id)
