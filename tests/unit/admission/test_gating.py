"""The gate and the authorization: what each rule fits, what is refused and why."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p2plab.admission import Authorization, Gate, Request, Rule
from p2plab.admission.gate import rule_of
from p2plab.errors import ValidationError
from p2plab.typing import PeerId

BOB = PeerId("12D3KooWGRUfvqMAzYbVY2DBjTZyb7Tk6r8sQk5xzKDkA1nHkaVZ", "bob")
STRANGER = PeerId("12D3KooWJbJFaZ1dwpuu9tQY3ELCKCpWMJc1dSRVbcMwhiLiFq7q")
WHERE = "/ip4/10.1.2.3/tcp/4001"


def secured(peer: PeerId = BOB, address: str | None = WHERE, direction: str = "inbound") -> Request:
    return Request("secured", direction, peer, address)  # type: ignore[arg-type]  # tests pass words


def stream(protocol: str, peer: PeerId = BOB, direction: str = "inbound") -> Request:
    return Request("stream", direction, peer, WHERE, protocol)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        (Rule(peer="bob"), True),
        (Rule(peer=str(BOB)), True),
        (Rule(peer="alice"), False),
        (Rule(subnet="10.0.0.0/8"), True),
        (Rule(subnet="10.1.2.3"), True),
        (Rule(subnet="10.1.2.4/31"), False),
        (Rule(subnet="fd00::/8"), False),
        (Rule(address="/ip4/10.1.2.3"), True),
        (Rule(address="/ip4/10.1.2.3/tcp/4001"), True),
        (Rule(address="/ip4/10.1.2.3/tcp/400"), False),
        (Rule(address="/ip4/10.1.2.30"), False),
        (Rule(direction="inbound"), True),
        (Rule(direction="outbound"), False),
        (Rule(peer="bob", direction="outbound"), False),
        (Rule(peer="bob", subnet="10.0.0.0/8", direction="inbound"), True),
        (Rule(protocol="/chat/1.0.0"), None),
        (Rule(protocol="/chat/1.0.0", peer="alice"), False),
    ],
)
def test_a_rule_fits_where_all_that_it_names_does(rule: Rule, fits: bool | None) -> None:
    assert rule.fits(secured()) is fits


def test_what_is_not_known_yet_leaves_a_rule_open() -> None:
    accept = Request("accept", "inbound", None, WHERE)
    assert Rule(peer="bob").fits(accept) is None
    assert Rule(peer="bob", subnet="192.168.0.0/16").fits(accept) is False
    assert Rule(subnet="10.0.0.0/8").fits(Request("accept", "inbound")) is None
    assert Rule(subnet="10.0.0.0/8").fits(Request("dial", "outbound", BOB, "/dns4/example.org/tcp/1")) is None
    assert Rule(subnet="10.0.0.0/8").fits(secured(address=None)) is False


def test_an_ipv4_address_in_ipv6_clothes_is_no_way_round_a_subnet() -> None:
    assert Rule(subnet="10.0.0.0/8").fits(secured(address="/ip6/::ffff:10.1.2.3/tcp/1")) is True
    assert Rule(subnet="fd00::/8").fits(secured(address="/ip6/fd00::1/udp/1/quic-v1")) is True


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("bob", Rule(peer="bob")),
        (str(BOB), Rule(peer=str(BOB))),
        ("10.0.0.0/8", Rule(subnet="10.0.0.0/8")),
        ("10.0.0.1", Rule(subnet="10.0.0.1")),
        ("fd00::/8", Rule(subnet="fd00::/8")),
        ("/ip4/10.0.0.1/tcp/4001", Rule(address="/ip4/10.0.0.1/tcp/4001")),
        ("/chat/1.0.0", Rule(protocol="/chat/1.0.0")),
    ],
)
def test_text_stands_for_the_rule_that_it_reads_like(text: str, rule: Rule) -> None:
    assert rule_of(text) == rule
    assert Gate(block=[text]).block == (rule,)  # type: ignore[arg-type]  # users may write it so


NONSENSE: list[tuple[Callable[..., object], dict[str, object]]] = [
    (Rule, {}),
    (Rule, {"subnet": "10.0.0.0/33"}),
    (Rule, {"subnet": "10.0.0.0/x"}),
    (Rule, {"address": "/ip4/999.0.0.1"}),
    (Rule, {"direction": "sideways"}),
    (Rule, {"protocol": "chat"}),
    (Rule, {"peer": 3}),
    (Gate, {"block": 3}),
    (Gate, {"block": [3]}),
    (Gate, {"allow": ["10.0.0.0/99"]}),
    (Gate, {"predicate": "yes"}),
    (Authorization.of, {"given": {"chat": ["bob"]}}),
    (Authorization.of, {"given": {"/chat/1.0.0": 3}}),
    (Authorization.of, {"given": 3}),
]


@pytest.mark.parametrize(("make", "given"), NONSENSE, ids=[str(given) for _, given in NONSENSE])
def test_nonsense_is_refused_when_it_is_said(make: Callable[..., object], given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        make(**given)


def test_block_wins_over_allow_and_allow_refuses_what_none_of_its_rules_can_fit() -> None:
    gate = Gate(block=(Rule(peer="bob"),), allow=(Rule(subnet="10.0.0.0/8"), Rule(peer=str(STRANGER))))
    blocked = gate.judge(secured())
    assert blocked is not None
    assert (blocked.reason, blocked.numbers) == ("blocked", {"rule": "peer=bob"})
    assert gate.judge(secured(STRANGER, "/ip4/192.168.0.1/tcp/1")) is None
    other = gate.judge(secured(PeerId(str(BOB)[::-1]), "/ip4/192.168.0.1/tcp/1"))
    assert other is not None
    assert other.reason == "not allowed"
    # Nobody knows yet who dials: it may be the stranger who is allowed by name.
    assert gate.judge(Request("accept", "inbound", None, "/ip4/192.168.0.1/tcp/1")) is None
    assert Gate(allow=(Rule(subnet="10.0.0.0/8"),)).judge(Request("accept", "inbound", None, "/ip4/192.168.0.1/tcp/1"))


def test_a_subnet_that_is_allowed_lets_nobody_in_whose_address_is_hidden() -> None:
    refusal = Gate(allow=(Rule(subnet="10.0.0.0/8"),)).judge(secured(address=None))
    assert refusal is not None
    assert refusal.reason == "not allowed"


def test_a_protocol_is_blocked_when_it_is_asked_for() -> None:
    gate = Gate(block=(Rule(protocol="/chat/1.0.0", peer="bob", direction="inbound"),))
    assert gate.judge(secured()) is None
    assert gate.judge(stream("/ping/1.0.0")) is None
    assert gate.judge(stream("/chat/1.0.0", STRANGER)) is None
    assert gate.judge(stream("/chat/1.0.0", direction="outbound")) is None
    assert gate.judge(stream("/chat/1.0.0")) is not None


def test_a_predicate_is_asked_last_and_may_say_why() -> None:
    seen: list[Request] = []

    def predicate(request: Request) -> bool | str:
        seen.append(request)
        return "too late in the day" if request.peer == STRANGER else request.stage != "dial"

    gate = Gate(block=(Rule(peer="bob"),), predicate=predicate)
    gate.judge(secured())
    assert seen == []
    refusal = gate.judge(secured(STRANGER))
    assert refusal is not None
    assert refusal.reason == "predicate"
    assert "too late in the day" in refusal.text
    assert gate.judge(Request("accept", "inbound", None, WHERE)) is None
    assert gate.judge(Request("dial", "outbound", None, WHERE)) is not None


@pytest.mark.parametrize("answer", [None, 1, "raise", "exit", "coroutine"])
def test_a_predicate_that_fails_or_gives_no_answer_refuses(answer: object) -> None:
    def predicate(request: Request) -> object:
        if answer == "raise":
            raise KeyError("nobody")
        if answer == "exit":
            raise SystemExit
        return later() if answer == "coroutine" else answer

    async def later() -> bool:
        return True

    refusal = Gate(predicate=predicate).judge(secured())  # type: ignore[arg-type]
    assert refusal is not None
    assert refusal.error is not None
    assert refusal.reason == "predicate"


def test_what_a_peer_chooses_is_cut_short_in_what_is_said_of_it() -> None:
    long = "/" + "x" * 60_000
    for judge in (Gate(predicate=lambda request: False), Authorization.of([]), Authorization.of(lambda request: "no")):
        refusal = judge.judge(stream(long))
        assert refusal is not None
        assert len(refusal.text) < 700
    assert len(str(stream(long).facts())) < 400


def test_blocking_and_unblocking_give_other_gates() -> None:
    gate = Gate()
    blocking = gate.blocking("bob").blocking("bob").blocking("10.0.0.0/8")
    assert gate.block == ()
    assert blocking.block == (Rule(peer="bob"), Rule(subnet="10.0.0.0/8"))
    assert blocking.unblocking("bob").block == (Rule(subnet="10.0.0.0/8"),)
    assert blocking.unblocking("carol") == blocking


def test_authorization_is_by_protocol_with_a_rule_for_the_rest() -> None:
    open_house = Authorization.of({"/chat/1.0.0": ["bob"]})
    assert open_house.judge(stream("/chat/1.0.0")) is None
    assert open_house.judge(stream("/other/1.0.0", STRANGER)) is None
    refusal = open_house.judge(stream("/chat/1.0.0", STRANGER))
    assert refusal is not None
    assert refusal.reason == "unauthorized"
    closed_house = Authorization.of({"/chat/1.0.0": [str(STRANGER)], "*": ["bob"]})
    assert closed_house.judge(stream("/other/1.0.0", STRANGER)) is not None
    assert closed_house.judge(stream("/chat/1.0.0", STRANGER)) is None
    assert Authorization.of(["bob"]).judge(stream("/any/1.0.0", STRANGER)) is not None


def test_an_authorizer_sees_who_asks_for_what_and_refuses_when_it_raises() -> None:
    seen: list[tuple[str | None, str | None]] = []

    def who(request: Request) -> bool:
        seen.append((request.peer, request.protocol))
        return {BOB: True}[request.peer]  # type: ignore[index]  # a stranger is a KeyError

    authorization = Authorization.of({"/chat/1.0.0": who})
    assert authorization.judge(stream("/chat/1.0.0")) is None
    refusal = authorization.judge(stream("/chat/1.0.0", STRANGER))
    assert refusal is not None
    assert isinstance(refusal.error, KeyError)
    assert seen == [(BOB, "/chat/1.0.0"), (STRANGER, "/chat/1.0.0")]


def test_what_this_end_opens_needs_no_authorization() -> None:
    assert Authorization.of([]).judge(stream("/chat/1.0.0", direction="outbound")) is None
