"""multistream-select as state machines: the specs' bytes, every split of them, and whatever a peer may send instead."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2plab.errors import ProtocolViolation, ValidationError
from p2plab.identity.varint import encode_varint
from p2plab.stream.negotiation.multistream import (
    MAX_LINE,
    MAX_LISTING,
    MAX_PROPOSALS,
    SIMULTANEOUS_ID,
    Listener,
    ListRequest,
    Proposer,
    frame,
)

HEADER = b"\x13/multistream/1.0.0\n"
Machine = Proposer | Listener | ListRequest
protocol_ids = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\n"), min_size=1, max_size=40)


def converse(one: Machine, other: Machine, sizes: list[int] | None = None) -> None:
    """Exchange bytes, cut into pieces of these sizes in turn, until neither has anything to say."""
    ways = [(one, other, bytearray(other.start())), (other, one, bytearray(one.start()))]
    turn = 0
    while any(pending for _, _, pending in ways):
        for index, (receiver, _, pending) in enumerate(ways):
            size = (sizes or [1 << 20])[turn % len(sizes or [1])]
            turn += 1
            piece = bytes(pending[:size])
            del pending[:size]
            if piece:
                ways[1 - index][2].extend(receiver.receive(piece))


class TestBytes:
    def test_the_specs_messages(self) -> None:
        assert frame("na") == bytes.fromhex("036e610a")
        assert frame("ls") == bytes.fromhex("036c730a")
        assert frame("/multistream/1.0.0") == HEADER

    def test_a_negotiation_byte_for_byte(self) -> None:
        dialler, listener = Proposer(["/tls/1.0.0", "/noise"]), Listener(["/noise"])
        assert dialler.start() == HEADER + b"\x0b/tls/1.0.0\n"
        assert listener.start() == HEADER
        assert listener.receive(HEADER + b"\x0b/tls/1.0.0\n") == b"\x03na\n"
        assert dialler.receive(HEADER + b"\x03na\n") == b"\x07/noise\n"
        assert listener.receive(b"\x07/noise\n") == b"\x07/noise\n"
        assert dialler.receive(b"\x07/noise\nNOISE") == b""
        assert (dialler.protocol, listener.protocol, dialler.leftover) == ("/noise", "/noise", b"NOISE")
        assert dialler.steps == [
            ("sent", "/multistream/1.0.0"),
            ("sent", "/tls/1.0.0"),
            ("received", "/multistream/1.0.0"),
            ("received", "na"),
            ("sent", "/noise"),
            ("received", "/noise"),
        ]

    def test_a_list_byte_for_byte(self) -> None:
        listener = Listener(["/a", "/b"])
        assert listener.receive(HEADER + b"\x03ls\n") == b"\x09\x03/a\n\x03/b\n\n"
        assert listener.protocol is None
        assert listener.receive(frame("/b")) == frame("/b")


class TestAgreement:
    @given(
        st.lists(protocol_ids.filter(lambda name: name not in ("na", "ls")), min_size=1, max_size=6, unique=True),
        st.lists(protocol_ids, max_size=6),
        st.lists(st.integers(1, 30), min_size=1, max_size=6),
    )
    def test_the_first_wanted_protocol_that_is_supported_is_agreed(
        self, wanted: list[str], supported: list[str], sizes: list[int]
    ) -> None:
        dialler, listener = Proposer(wanted), Listener(supported)
        converse(dialler, listener, sizes)
        expected = next((name for name in wanted if name in supported), None)
        assert dialler.protocol == listener.protocol == listener.matched == expected
        assert dialler.refused == (expected is None)

    @given(st.lists(protocol_ids, max_size=8, unique=True), st.lists(st.integers(1, 30), min_size=1, max_size=6))
    def test_a_listener_lists_what_it_supports(self, supported: list[str], sizes: list[int]) -> None:
        question, listener = ListRequest(), Listener(supported)
        converse(question, listener, sizes)
        assert question.protocols == supported

    def test_data_that_comes_with_a_lazy_proposal_is_left_over_for_the_handler(self) -> None:
        dialler, listener = Proposer(["/echo"], lazy=True), Listener(["/echo"])
        assert listener.receive(dialler.start() + b"hello") == frame("/echo")
        assert listener.leftover == b"hello"

    def test_a_function_may_decide_what_is_supported(self) -> None:
        listener = Listener(lambda proposal: "/chat/1.x" if proposal.startswith("/chat/1.") else None)
        converse(dialler := Proposer(["/chat/2.0.0", "/chat/1.4.0"]), listener)
        assert (dialler.protocol, listener.protocol, listener.matched) == ("/chat/1.4.0", "/chat/1.4.0", "/chat/1.x")

    def test_a_long_list_is_cut_at_the_bound_and_stays_readable(self) -> None:
        names = [f"/protocol/{number}" for number in range(3000)]
        question, listener = ListRequest(), Listener(names)
        converse(question, listener)
        assert question.protocols is not None
        assert question.protocols == names[: len(question.protocols)]
        assert len(question.protocols) > 900

    def test_py_libp2ps_way_of_listing_is_understood(self) -> None:
        question = ListRequest()
        question.receive(HEADER + frame("/echo/1.0.0\n/ipfs/ping/1.0.0\n"))
        assert question.protocols == ["/echo/1.0.0", "/ipfs/ping/1.0.0"]

    @pytest.mark.parametrize("protocol", ["", "na", "ls", "/multistream/1.0.0", "a\nb", "x" * 1024, 5, SIMULTANEOUS_ID])
    def test_what_cannot_be_proposed_is_refused_at_once(self, protocol: object) -> None:
        with pytest.raises(ValidationError, match="protocol id"):
            Proposer([protocol])  # type: ignore[list-item]

    def test_a_dialler_needs_something_to_propose(self) -> None:
        with pytest.raises(ValidationError, match="no protocol"):
            Proposer([])
        with pytest.raises(ValidationError, match="one protocol"):
            Proposer(["/a", "/b"], lazy=True)


class TestSimultaneousOpen:
    @given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.lists(st.integers(1, 30), min_size=1, max_size=4))
    def test_of_two_diallers_the_higher_number_stays_one(self, one: int, other: int, sizes: list[int]) -> None:
        supported = ["/noise"]
        a = Proposer(["/tls/1.0.0", "/noise"], simultaneous=one, supported=supported)
        b = Proposer(["/noise"], simultaneous=other, supported=supported)
        if one == other:
            with pytest.raises(ProtocolViolation, match="same number"):
                converse(a, b, sizes)
            return
        converse(a, b, sizes)
        assert a.protocol == b.protocol == "/noise"
        assert (a.initiator, b.initiator) == (one > other, other > one)
        winner = a if a.initiator else b
        assert ("sent", "initiator") in winner.steps

    @given(st.lists(st.integers(1, 30), min_size=1, max_size=4))
    def test_an_ordinary_listener_costs_no_round_trip_more(self, sizes: list[int]) -> None:
        dialler, listener = Proposer(["/noise"], simultaneous=7), Listener(["/noise"])
        assert dialler.start() == HEADER + frame(SIMULTANEOUS_ID) + frame("/noise")
        dialler = Proposer(["/noise"], simultaneous=7)
        converse(dialler, listener, sizes)
        assert dialler.protocol == listener.protocol == "/noise"
        assert dialler.initiator

    @pytest.mark.parametrize(
        "lines",
        [
            ["select:5"],
            [SIMULTANEOUS_ID, "select:x"],
            [SIMULTANEOUS_ID, f"select:{2**64}"],
            [SIMULTANEOUS_ID, "select:-1"],
            [SIMULTANEOUS_ID, "select:5", "initiator"],
            [SIMULTANEOUS_ID, "select:9", "responder"],
            [SIMULTANEOUS_ID, *["/noise"] * (MAX_PROPOSALS + 1)],
        ],
    )
    def test_what_breaks_its_rules_ends_it(self, lines: list[str]) -> None:
        dialler = Proposer(["/noise"], simultaneous=7)
        dialler.start()
        with pytest.raises(ProtocolViolation):
            dialler.receive(HEADER + b"".join(map(frame, lines)))

    @pytest.mark.parametrize("number", [-1, 2**64])
    def test_the_number_has_64_bits(self, number: int) -> None:
        with pytest.raises(ValidationError, match="64"):
            Proposer(["/noise"], simultaneous=number)


class TestWhatAPeerMaySend:
    @pytest.mark.parametrize(
        ("data", "problem"),
        [
            (b"\x00", "0 bytes"),
            (encode_varint(MAX_LINE + 1), str(MAX_LINE + 1)),
            (b"\xff" * 9, "nine bytes"),
            (b"\x80\x00", "shortest"),
            (b"\x03abc", "newline"),
            (frame("/multistream/2.0.0"), "instead of"),
            (b"GET / HTTP/1.1\r\n" * 5, "newline"),
            (b"\x04\xff\xfe\xfd\n", "UTF-8"),
        ],
    )
    def test_a_bad_beginning_is_named(self, data: bytes, problem: str) -> None:
        for machine in (Proposer(["/a"]), Listener(["/a"]), ListRequest()):
            machine.start()
            with pytest.raises(ProtocolViolation, match=problem):
                machine.receive(data)

    def test_an_answer_that_is_neither_echo_nor_na_is_refused(self) -> None:
        dialler = Proposer(["/a"])
        dialler.start()
        with pytest.raises(ProtocolViolation, match="'/b'"):
            dialler.receive(HEADER + frame("/b"))

    def test_endless_proposals_are_given_up(self) -> None:
        listener = Listener(["/a"])
        listener.receive(HEADER)
        for number in range(MAX_PROPOSALS):
            assert listener.receive(frame(f"/x/{number}")) == frame("na")
        with pytest.raises(ProtocolViolation, match="proposals"):
            listener.receive(frame("/a"))
        assert listener.protocol is None

    @pytest.mark.parametrize("word", ["/multistream/1.0.0", SIMULTANEOUS_ID, "na", ""])
    def test_a_word_of_the_negotiation_is_not_a_protocol(self, word: str) -> None:
        listener = Listener(lambda proposal: proposal)
        assert listener.receive(HEADER + frame(word)) == frame("na")

    def test_a_list_that_is_not_utf8_is_refused(self) -> None:
        question = ListRequest()
        with pytest.raises(ProtocolViolation, match="UTF-8"):
            question.receive(HEADER + b"\x03\xff\xff\n")

    @pytest.mark.dear
    @settings(max_examples=400)
    @given(
        st.lists(
            st.one_of(
                st.binary(max_size=40),
                st.sampled_from(
                    [HEADER, frame("na"), frame("ls"), frame("/a"), frame(SIMULTANEOUS_ID), frame("select:9")]
                ),
                protocol_ids.map(frame),
            ),
            max_size=10,
        ),
        st.sampled_from(["dialler", "simultaneous", "listener", "list"]),
    )
    def test_any_bytes_end_in_a_decision_a_violation_or_waiting_within_the_bound(
        self, pieces: list[bytes], kind: str
    ) -> None:
        machine: Machine
        if kind == "listener":
            machine = Listener(["/a", "/b"])
        elif kind == "list":
            machine = ListRequest()
        else:
            machine = Proposer(["/a", "/b"], simultaneous=7 if kind == "simultaneous" else None, supported=["/a"])
        machine.start()
        try:
            for piece in pieces:
                answer = machine.receive(piece)
                assert len(answer) <= MAX_LISTING + 2 * MAX_LINE
        except ProtocolViolation:
            return
        if not machine.done:
            assert len(machine.leftover) <= MAX_LISTING + 3

    def test_an_endless_line_is_refused_before_it_is_kept(self) -> None:
        listener = Listener(["/a"])
        listener.receive(HEADER)
        with pytest.raises(ProtocolViolation, match="1048576 bytes"):
            listener.receive(encode_varint(1 << 20))
        assert len(listener.leftover) < 10
