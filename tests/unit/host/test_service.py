"""A protocol of one's own is bound to the Host once, and runs in every world."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from p2plab import Lab
from p2plab.host import Host, HostService
from p2plab.stream import NetStream
from tests.unit.host.toy import ToyWorld

TIME = "/time/1.0.0"


class Time(HostService):
    """Tells the lab's time to whoever asks."""

    kind = "time"

    def __init__(self, host: Host[Any]) -> None:
        super().__init__(host)
        self.told = 0
        self.heard: list[str] = []

    def begin(self) -> None:
        self.host.handle(TIME, self._answer)

    async def _answer(self, stream: NetStream) -> None:
        self.told += 1
        await stream.write_message(str(self.host.world.runtime.now()).encode())

    async def serve(self) -> None:
        self.use()

    async def ask(self, peer: str) -> float:
        async with await self.host.open_stream(peer, [TIME]) as stream:
            return float(await stream.read_message() or b"nan")

    def peer_identified(self, peer: int, said: Any) -> None:
        self.heard.append(f"{self.host.world.peer_id_at(peer).name} speaks it: {TIME in said.protocols}")

    def peer_disconnected(self, peer: int) -> None:
        self.heard.append(f"{self.host.world.peer_id_at(peer).name} is gone")

    def went_down(self) -> None:
        self.heard.append("down")

    def came_back(self, kept: bool) -> None:
        self.heard.append(f"back, kept: {kept}")


Run = Callable[..., Any]


def inside(lab: Lab, name: str) -> Host[Any]:
    host: Any = lab.world.hosts()[name]
    return cast("Host[Any]", host)


@pytest.fixture(params=["toy", "mock", pytest.param("real", marks=pytest.mark.real)])
def hosts(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Any, Run]]:
    """Two hosts of a world, and what runs a coroutine there."""
    if request.param == "toy":
        world = ToyWorld()
        yield world.start("alice"), world.start("bob"), lambda verb, *args: world.runtime.run(lambda: verb(*args))[0]
        return
    with Lab(request.param, seed=7) as lab:
        lab.start_node("alice")
        lab.start_node("bob")
        yield inside(lab, "alice"), inside(lab, "bob"), lab.world.run


def test_it_asks_answers_and_hears_of_peers_in_every_world(hosts: tuple[Any, Any, Run]) -> None:
    alice, bob, run = hosts
    asking, told = Time.of(alice), Time.of(bob)
    run(told.serve)
    assert run(asking.ask, "bob") >= 0.0
    assert told.told == 1
    assert asking.heard == ["bob speaks it: True"]
    run(alice.disconnect, "bob")
    assert asking.heard[-1] == "bob is gone"
    run(alice.stop)
    assert asking.heard[-1] == "down"


def test_its_verbs_are_in_a_mock_labs_history_and_replay() -> None:
    with Lab(seed=7) as lab:
        lab.start_nodes(2)
        for name in ("n0", "n1"):
            lab.world.call(Time.of(inside(lab, name)).use)
        lab.run(1.5)
        asking = Time.of(inside(lab, "n0"))
        assert lab.world.run(asking.ask, "n1") > 1.5
        assert [event.node for event in lab.events.filter(kind="lab.command")][-1] == "n0"
        with Lab.replay(lab.history()) as again:
            assert again.events.digest() == lab.events.digest()
            assert Time.of(inside(again, "n1")).told == 1


def test_it_lives_through_a_restart() -> None:
    with Lab(seed=7) as lab:
        node = lab.start_node("alice")
        service = Time.of(inside(lab, "alice"))
        lab.world.call(service.use)
        node.crash()
        node.restart(state="lost")
        assert service.heard == ["down", "back, kept: False"]
        assert lab.start_node("bob").open_stream("alice", [TIME]).read(), "it answers again"
