"""A history is the run: given again, in another lab or as Python, it comes out the same."""

from __future__ import annotations

import asyncio
import base64
import pickle
import threading
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from p2plab import AsyncLab, Lab
from p2plab.errors import InvariantError, NotInThisWorldError, SnapshotError, ValidationError
from p2plab.mock.history import history
from p2plab.stream import NetStream
from tests.unit.runs.conftest import play_a_run


def same_run(one: Lab | AsyncLab, other: Lab | AsyncLab) -> bool:
    places = [(lab.now, lab.history().step, len(lab.history())) for lab in (one, other)]
    assert places[0] == places[1]
    return one.events.digest() == other.events.digest()


def test_a_replay_has_the_same_events(lab: Lab) -> None:
    with Lab.replay(lab.history()) as again:
        assert same_run(lab, again)
        assert [str(command) for command in again.history()] == [str(command) for command in lab.history()]
        for one in (lab, again):
            one.wire("ring")
            one["zoe"].publish("news", "more")
            one.run(2)
        assert same_run(lab, again)


def test_a_history_can_be_kept_and_given_again_elsewhere(lab: Lab) -> None:
    kept = pickle.loads(pickle.dumps(lab.history()))
    with Lab.replay(kept) as again:
        assert same_run(lab, again)


# pickle.dumps(lab.history()) of a lab with seed 7 and alice, as a p2plab wrote it whose histories had no format yet.
OF_BEFORE = (
    "eNpVUD1PwzAQNWrcBDGywMRalgxszFkQkZD4AVXlJKfGauIE2+FjiBSGog63cf29cEmpUG/xe+/Oeu9ukPvuTEyFl+1dW6ksrpt8E5fa+cZ+EI"
    "YPf+ibbj+ppwUGDqCgNMTIgffarB0lcpA9xYRR3tS1MoWjUmCYHMj/17lXdg2ecMZGhIFpCqAnDF7BMr1w3ParUXSE5zza1WC8oyUtloRSVToH"
    "Uj0BSm0KeKdUYOB1vpmA89COIAJTrI7qRI6dmYOX8Q3H4BUvscO5VdoxQsEGb0qz2w7DXFmrWU3uB7mPD/cRCx5obFXQlp5Ps56E++JN/XgL6X"
    "zHIcqbLttSeZWK8nrK21hDjz9cXRb/AjyDkvs="
)


def test_a_history_of_before_is_refused_in_one_sentence() -> None:
    with pytest.raises(SnapshotError, match=r"^this history has format 1 and this p2plab reads format 3: [^\n]*$"):
        pickle.loads(zlib.decompress(base64.b64decode(OF_BEFORE)))


def test_a_history_of_another_model_is_refused_in_one_sentence(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(history, "MODEL_VERSION", 3)
        kept = pickle.dumps(lab.history())
    with pytest.raises(SnapshotError, match=r"^this history is of model 3 and this p2plab computes by model [^\n]*$"):
        pickle.loads(kept)


@pytest.mark.parametrize("share", [0.0, 0.13, 0.5, 0.77, 1.0])
def test_a_replay_up_to_a_time_has_the_events_up_to_it(lab: Lab, share: float) -> None:
    until = round(lab.now * share, 4)
    with Lab.replay(lab.history(), until=until) as again:
        assert again.now == until
        assert list(again.events) == list(lab.events)[: len(again.events)]
        rest = list(lab.events)[len(again.events) :]
        assert all(event.t >= until for event in rest)
        assert not [event for event in rest if event.t == until and event.kind != "lab.command"] or share in (0.0, 1.0)


def test_a_replay_can_be_watched_at_regular_moments_and_comes_out_the_same(lab: Lab) -> None:
    seen: list[tuple[float, int, dict[str, Any]]] = []

    def look(then: Lab) -> None:
        seen.append((then.now, len(then.events), then["zoe"].scores() if "zoe" in map(str, then.nodes) else {}))

    with Lab.replay(lab.history(), watch=look, every=0.7) as again:
        assert same_run(lab, again)
    assert [round(moment / 0.7) for moment, _, _ in seen] == list(range(len(seen)))
    assert seen[-1][0] <= lab.now < seen[-1][0] + 0.7
    for moment, events, scores in seen[:: len(seen) // 3]:
        with Lab.replay(lab.history(), until=moment) as then:
            later = [event for event in list(then.events)[events:] if event.t < moment]
            assert not later
            assert scores == {} or scores == then["zoe"].scores()
    with pytest.raises(ValidationError, match="at least a tick"):
        Lab.replay(lab.history(), watch=look, every=0.0)


def test_what_a_watcher_of_a_replay_raises_ends_the_replay(lab: Lab) -> None:
    def look(then: Lab) -> None:
        raise RuntimeError("seen enough")

    with pytest.raises(RuntimeError, match="seen enough"):
        Lab.replay(lab.history(), watch=look)


def test_a_handler_finds_the_nodes_of_the_lab_it_runs_in(lab: Lab) -> None:
    with Lab.replay(lab.history()) as again:
        assert again["zoe"] != lab["zoe"]
        relayed = again.events.filter(kind="pubsub.publish", topic="relayed", node="zoe")
        assert len(relayed) == 1
        assert len(lab.events.filter(kind="pubsub.publish", topic="relayed", node="zoe")) == 1


def test_a_replay_sees_what_a_handler_saw_at_first_and_not_what_came_of_it() -> None:
    """The list is empty when the handler is registered, and must be so again."""
    with Lab(seed=2) as lab:
        alice, bob = lab.start_nodes(2)
        seen: list[bytes] = []

        async def count(stream: NetStream) -> None:
            seen.append(await stream.read())
            await stream.write(bytes(len(seen)))

        bob.handle("/count/1", count)
        for _ in range(3):
            with alice.open_stream(bob, "/count/1") as stream:
                stream.write(b"x")
                stream.read()
        assert len(seen) == 3
        with Lab.replay(lab.history()) as again:
            assert same_run(lab, again)
        assert len(seen) == 3


def test_the_printed_history_is_python_that_does_the_same(lab: Lab) -> None:
    text = str(lab.history())
    assert "lab.start_nodes(10)" in text
    assert "lab['n0'].publish('news', b'hello')" in text
    assert "async def relay(stream" in text
    names: dict[str, Any] = {}
    exec(compile(text, "history", "exec", dont_inherit=True), names)
    with names["lab"] as again:
        for one, other in zip(again.events, lab.events, strict=True):
            assert one == other


def test_a_plain_script_prints_as_itself() -> None:
    with Lab(seed=4) as lab:
        lab.start_node("alice", ip="10.0.0.1")
        lab.start_nodes(3)
        news = lab["n1"].subscribe("news")
        lab["alice"].connect("n1")
        lab.run(2)
        lab["alice"].publish("news", "hi")
        news.get(timeout=5)
        lab.network.set_link(between=("alice", "n1"), loss=0.5)
        lab.every(2.0, lab["alice"].publish, "news", b"tick")
        lab.run(1)
        assert str(lab.history()).splitlines() == [
            "from p2plab import Lab",
            "",
            "lab = Lab(seed=4)",
            "lab.start_node('alice', ip='10.0.0.1')",
            "lab.start_nodes(3)",
            "subscription2 = lab['n1'].subscribe('news')",
            "lab['alice'].connect('n1')",
            "lab.run_until(2.24)",
            "lab['alice'].publish('news', b'hi')",
            "subscription2.get(5.0)",
            "lab.network.set_link(between=('alice', 'n1'), loss=0.5)",
            "timer7 = lab.every(2.0, lab['alice'].publish, 'news', b'tick', start=4.26)",
            "lab.run_until(3.26)",
        ]


def test_commands_of_tasks_and_threads_are_replayed_in_their_places() -> None:
    async def main() -> AsyncLab:
        lab = AsyncLab(seed=3)
        nodes = await lab.start_nodes(6)
        await lab.wire("ring")
        news = [node.subscribe("news") for node in nodes]
        done = threading.Event()

        def click() -> None:
            nodes[5].publish("news", "clicked")
            done.set()

        async def chat(number: int) -> None:
            for round_ in range(4):
                await lab.sleep(0.1 * (number + 1))
                nodes[number].publish("news", f"{number} {round_}")
                await nodes[number].ping(nodes[(number + 3) % 6])

        thread = threading.Thread(target=click)
        thread.start()
        await asyncio.gather(*(chat(number) for number in range(4)), news[0].get(timeout=10))
        await asyncio.to_thread(thread.join)
        return lab

    lab = asyncio.run(main())
    with Lab.replay(lab.history()) as again:
        assert same_run(lab, again)
        assert "while the one before was still under way" in str(lab.history())


def test_a_verb_that_was_cancelled_is_cancelled_again_in_its_place() -> None:
    async def main() -> AsyncLab:
        lab = AsyncLab(seed=3)
        alice, bob = await lab.start_nodes(2)
        lab.network.hold("n0", "n1")
        connecting = asyncio.create_task(alice.connect(bob, timeout=60))
        await lab.sleep(0.5)
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        await lab.sleep(0.5)
        lab.network.release()
        await lab.sleep(2)
        return lab

    lab = asyncio.run(main())
    assert [event.data for event in lab.events.filter(kind="lab.abandoned")] == [{"verb": "connect"}]
    with Lab.replay(lab.history()) as again:
        assert same_run(lab, again)
    assert "# begun and given up before it was done:" in str(lab.history())


def test_a_verb_that_an_invariant_ended_is_ended_again() -> None:
    with Lab(seed=3) as lab:
        alice, bob = lab.start_nodes(2)
        lab.always("slow", lambda lab: lab.now < 0.05)
        with pytest.raises(InvariantError):
            alice.connect(bob)
        lab.run(3)
        assert len(lab.events.filter(kind="lab.abandoned")) == 1
        with Lab.replay(lab.history()) as again:
            assert same_run(lab, again)


def test_waiting_and_looking_leave_no_trace() -> None:
    def run(look: Callable[[Lab], object], waits: tuple[float, ...]) -> Lab:
        lab = Lab(seed=9, recording="all")
        lab.start_nodes(5)
        for seconds in waits:
            look(lab)
            lab.run(seconds)
        lab.wire("ring")
        news = [node.subscribe("news") for node in lab.nodes]
        lab.run_until(lambda: look(lab) and False, timeout=2)
        lab["n0"].publish("news", "x")
        lab.run_until(lambda: look(lab) is None or len(news[3].messages) == 1, timeout=9)
        lab.run_until(6.0)
        return lab

    def everything(lab: Lab) -> bool:
        for node in lab.nodes:
            node.peers(), node.protocols(), node.topics(), node.connections(), node.known_peers(), node.streams()
        return bool(lab.edges() and lab.events.filter(node="n1") and repr(lab))

    with run(lambda lab: True, (1.0,)) as plain, run(everything, (0.25, 0.5, 0.25)) as looked:
        assert same_run(plain, looked)


def test_what_cannot_be_carried_is_named_when_it_is_needed() -> None:
    with Lab(seed=3) as lab:
        alice, bob = lab.start_nodes(2)
        lock = threading.Lock()

        async def guarded(stream: NetStream) -> None:
            with lock:
                await stream.write(b"x")

        bob.handle("/guarded/1", guarded)
        assert alice.open_stream(bob, "/guarded/1").read() == b"x"
        with pytest.raises(SnapshotError, match=r"node n1  handle\(/guarded/1, guarded.*cannot be given again.*lock"):
            Lab.replay(lab.history())


def test_a_node_of_another_lab_cannot_be_carried() -> None:
    with Lab(seed=3) as lab, Lab(seed=4) as other:
        (bob,), (stranger,) = lab.start_nodes(1), other.start_nodes(1)
        bob.add_validator("news", lambda message: stranger.running)
        with pytest.raises(SnapshotError, match="belongs to another lab"):
            Lab.replay(lab.history())


def test_a_run_that_something_else_decides_is_found_out() -> None:
    with Lab(seed=3) as lab:
        alice, bob = lab.start_nodes(2)
        alice.connect(bob)
        lab.at(1.0, lab["n0"].publish, "news", b"x")
        history = lab.history()
        lab.run(5)
        later = lab.history()
        assert later.step > history.step
        bent = type(later)(later.seed, later.settings, later.commands[:-1], later.tick, later.step)
        with pytest.raises(SnapshotError, match="the run goes another way: the end was at"):
            Lab.replay(bent)


@pytest.mark.parametrize("history", [None, [], "history", {"seed": 1}])
def test_only_a_history_can_be_replayed(history: Any) -> None:
    with pytest.raises(ValidationError, match=r"replay takes what lab\.history"):
        Lab.replay(history)


@pytest.mark.parametrize("until", [-1.0, float("nan"), "end"])
def test_a_replay_ends_at_a_time(until: Any) -> None:
    with Lab() as lab, pytest.raises(ValidationError, match="until must be a number of seconds"):
        Lab.replay(lab.history(), until=until)


@pytest.mark.real
def test_playing_a_run_twice_gives_the_same(lab: Lab) -> None:
    with Lab(seed=11, jitter=0.003, latency=0.015) as other:
        play_a_run(other)
        assert same_run(lab, other)


def test_a_peer_id_in_a_script_is_its_text() -> None:
    with Lab(seed=3) as lab:
        a, b = lab.start_nodes(2)
        a.connect(b)
        a.dht.find_peer(b.peer_id)
        assert f"lab['n0'].dht.find_peer('{b.peer_id}')" in str(lab.history()).splitlines()


def test_a_mock_labs_history_says_what_it_is_instead_of_a_libp2p_script() -> None:
    with Lab(seed=3) as lab, pytest.raises(NotInThisWorldError, match=r"print\(history\) shows a mock lab's as Python"):
        lab.history().as_libp2p_script()


def test_wiring_is_printed_as_pairs_that_a_user_can_write() -> None:
    with Lab(seed=3) as lab:
        lab.start_nodes(5)
        lab.wire("random", degree=2)
        lab.wire("star", nodes=["n0", "n3", "n4"])
        lab.run(1)
        text, digest = str(lab.history()), lab.events.digest()
    assert "lab.world" not in text
    assert "lab.wire([('" in text
    names: dict[str, Any] = {}
    exec(compile(text, "history", "exec", dont_inherit=True), names)
    with names["lab"] as again:
        assert again.events.digest() == digest
