"""Making a lab, ending it, and what is left afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

import p2plab.api.backends
from p2plab import Lab, Node
from p2plab.errors import BackendError, ClosedError, MissingExtraError, NotInThisWorldError, ValidationError
from p2plab.stream import NetStream


def test_a_lab_is_a_context_manager(new_lab: Callable[..., Lab]) -> None:
    with new_lab() as lab:
        lab.start_nodes(2)
        assert not lab.closed
    assert lab.closed


def test_a_lab_is_closed_when_its_block_raises(new_lab: Callable[..., Lab]) -> None:
    with pytest.raises(ZeroDivisionError), new_lab() as lab:
        raise ZeroDivisionError
    assert lab.closed


def test_closing_again_changes_nothing(lab: Lab, alice: Node) -> None:
    for _ in range(3):
        lab.close()
    assert lab.closed
    assert repr(lab) == f"<Lab {lab.backend}, closed>"


async def echo(stream: NetStream) -> None:
    await stream.write(await stream.read())


VERBS: dict[str, Callable[[Lab, Node, Any, Any], object]] = {
    "start_node": lambda lab, alice, news, stream: lab.start_node("carol"),
    "start_nodes": lambda lab, alice, news, stream: lab.start_nodes(2),
    "run": lambda lab, alice, news, stream: lab.run(1),
    "run_until": lambda lab, alice, news, stream: lab.run_until(lambda: True),
    "play": lambda lab, alice, news, stream: lab.play(),
    "connect": lambda lab, alice, news, stream: alice.connect("bob"),
    "disconnect": lambda lab, alice, news, stream: alice.disconnect("bob"),
    "ping": lambda lab, alice, news, stream: alice.ping("bob"),
    "subscribe": lambda lab, alice, news, stream: alice.subscribe("news"),
    "publish": lambda lab, alice, news, stream: alice.publish("news", b"x"),
    "handle": lambda lab, alice, news, stream: alice.handle("/echo/1.0.0", echo),
    "open_stream": lambda lab, alice, news, stream: alice.open_stream("bob", "/echo/1.0.0"),
    "get": lambda lab, alice, news, stream: news.get(),
    "write": lambda lab, alice, news, stream: stream.write(b"x"),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_every_verb_of_a_closed_lab_says_that_it_is_closed(
    lab: Lab, alice: Node, bob: Node, verb: Callable[[Lab, Node, Any, Any], object]
) -> None:
    bob.handle("/echo/1.0.0", echo)
    news, stream = alice.subscribe("news"), alice.open_stream(bob, "/echo/1.0.0")
    lab.close()
    with pytest.raises(ClosedError, match="closed"):
        verb(lab, alice, news, stream)


def test_what_was_recorded_can_be_looked_at_after_the_end(lab: Lab, alice: Node, bob: Node) -> None:
    news = alice.subscribe("news")
    message = alice.publish("news", b"x")
    news.get()
    alice.connect(bob)
    lab.close()
    assert lab.events.filter(kind="pubsub.publish", node=alice)
    assert [each.id for each in news.messages] == [message.id]
    assert "pubsub.publish" in str(lab.why(news.messages[0]))
    assert alice.name == "alice"
    assert alice.peer_id
    assert lab.now >= 0
    assert repr(alice).startswith("<Node alice")


def test_a_verb_that_waits_in_another_thread_ends_when_the_lab_is_closed(lab: Lab, alice: Node) -> None:
    news = alice.subscribe("news")
    outcome: list[BaseException] = []
    waiting = threading.Event()

    def wait() -> None:
        waiting.set()
        try:
            lab.run_until(lambda: news.messages, timeout=1e6)
        except ClosedError as error:
            outcome.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    assert waiting.wait(timeout=20)
    lab.close()
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert len(outcome) <= 1, "a lab closed before the wait began, or during it"


def test_closing_leaves_no_thread_behind(new_lab: Callable[..., Lab]) -> None:
    before = set(threading.enumerate())
    lab = new_lab()
    nodes = lab.start_nodes(3)
    lab.wire("ring")
    nodes[0].subscribe("news")
    nodes[1].handle("/echo/1.0.0", echo)
    nodes[0].open_stream(nodes[1], "/echo/1.0.0")
    lab.close()
    assert set(threading.enumerate()) <= before


def test_labs_do_not_disturb_each_other(new_lab: Callable[..., Lab]) -> None:
    one, other = new_lab(), new_lab()
    for lab in (one, other):
        alice, bob = lab.start_nodes(2)
        alice.connect(bob)
    one.close()
    assert other["n0"].ping("n1") > 0
    assert len(other.edges()) == 1


@pytest.mark.parametrize("backend", ["moc", "", "MOCK", None, 7])
def test_an_unknown_backend_is_named_beside_those_there_are(backend: Any) -> None:
    with pytest.raises(BackendError, match="take 'mock', 'real' or 'auto'") as raised:
        Lab(backend)
    assert repr(backend) in str(raised.value)
    assert str(raised.value).endswith("a seed is given as seed=7") == (backend == 7)


def test_a_real_lab_without_py_libp2p_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(p2plab.api.backends, "HAS_LIBP2P", False)
    with pytest.raises(MissingExtraError, match=r"pip install 'p2plab\[real\]'"):
        Lab("real")
    with Lab("auto") as lab:
        assert lab.backend == "mock"


@pytest.mark.parametrize("seed", [b"7", 1.5, None, True])
def test_what_is_no_seed_is_refused(backend: str, seed: int) -> None:
    with pytest.raises(ValidationError, match="a seed is a whole number or text"):
        Lab(backend, seed=seed)


def test_a_setting_that_no_lab_has_is_named_beside_those_there_are(backend: str) -> None:
    with pytest.raises(ValidationError, match=r"has no setting 'colour'; it takes seed and .*recording"):
        Lab(backend, colour="red")


def test_the_recording_level_is_checked(backend: str) -> None:
    with pytest.raises(ValidationError, match="recording level 'everything' is not known; take one of counters"):
        Lab(backend, recording="everything")


OTHERS: dict[str, dict[str, tuple[Any, str]]] = {  # the other world's settings, and the way round
    "mock": {"psk": ("ab" * 32, "gate="), "pubsub": ("p2plab", "router=")},
    "real": {"latency": (0.05, "memory"), "stream_window": (65536, "real one"), "ip": ("10.0.0.1", "listen=")},
}


def test_a_setting_of_the_other_world_is_refused_with_the_reason_and_the_way_round(lab: Lab, backend: str) -> None:
    for name, (value, way_round) in OTHERS[backend].items():
        for start in (lambda given: Lab(backend, **given), lambda given: lab.start_node("odd", **given)):
            with pytest.raises(NotInThisWorldError, match=f"^{name}= is a .*{way_round}"):
                start({name: value})
    assert len(lab) == 0
