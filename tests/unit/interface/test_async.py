"""``AsyncLab``: the same verbs, to be awaited, on asyncio and on trio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from p2plab import AsyncLab, Lab
from p2plab.errors import ClosedError, ConfigurationError, DialError, ValidationError
from p2plab.stream import INetStream, NetStream, StreamError

pytestmark = pytest.mark.anyio
PATIENCE = 20.0
# A real lab runs trio in a thread of its own, and cannot be used from a trio program yet.
LOOPS = [
    pytest.param(("mock", "asyncio"), id="mock-asyncio"),
    pytest.param(("mock", "trio"), id="mock-trio"),
    pytest.param(("real", "asyncio"), id="real-asyncio", marks=pytest.mark.real),
]


@pytest.fixture(params=LOOPS)
def backend_and_loop(request: pytest.FixtureRequest) -> tuple[str, str]:
    pair: tuple[str, str] = request.param
    return pair


@pytest.fixture
def backend(backend_and_loop: tuple[str, str]) -> str:
    return backend_and_loop[0]


@pytest.fixture
def anyio_backend(backend_and_loop: tuple[str, str]) -> str:
    return backend_and_loop[1]


@pytest.fixture
async def lab(backend: str) -> AsyncIterator[AsyncLab]:
    async with AsyncLab(backend, seed=7) as lab:
        yield lab


async def echo(stream: NetStream) -> None:
    while data := await stream.read():
        await stream.write(data)


async def test_the_verbs_work_one_after_another(lab: AsyncLab) -> None:
    alice, bob = await lab.start_nodes(2)
    connection = await alice.connect(bob)
    assert connection.peer == bob.peer_id
    assert await alice.ping("n1") > 0
    assert (await alice.identify(bob)).name == "n1"
    assert lab.edges() == [("n0", "n1")]
    assert await alice.disconnect(bob) is True
    assert await lab.run_until(lambda: not lab.edges(), timeout=PATIENCE)


async def test_starting_again_gives_the_same_node(lab: AsyncLab) -> None:
    alice = await lab.start_node("alice")
    assert await lab.start_node("alice") is alice
    with pytest.raises(ConfigurationError, match="'alice' runs already"):
        await lab.start_node("alice", colour="red")
    assert lab.nodes == [alice]


async def test_wiring(lab: AsyncLab) -> None:
    await lab.start_nodes(4)
    assert len(await lab.wire("ring")) == 4
    assert await lab.wire("ring") == []
    assert len(lab.edges()) == 4


async def test_streams(lab: AsyncLab) -> None:
    alice, bob = await lab.start_nodes(2)
    bob.handle("/echo/1.0.0", echo)
    async with await alice.open_stream(bob, ["/echo/1.0.0"]) as stream:
        await stream.write(b"x")
        assert await stream.read() == b"x"
    assert stream.state == "closed"
    with pytest.raises(StreamError, match="/nothing"):
        await alice.open_stream(bob, "/nothing/1.0.0")


async def test_an_awaited_stream_is_a_stream(lab: AsyncLab) -> None:
    alice, bob = await lab.start_nodes(2)
    bob.handle("/echo/1.0.0", echo)
    stream: INetStream = await alice.open_stream(bob, "/echo/1.0.0")
    await stream.write_message(b"message")
    await stream.write(b"a line\nrest")
    await stream.close_write()
    assert await stream.read_message() == b"message"
    assert await stream.read_until() == b"a line\n"
    assert await stream.read_exactly(4) == b"rest"
    assert await stream.read() == b""
    assert stream.node == alice
    await stream.close()
    assert stream.state == "closed"


async def test_subscriptions(lab: AsyncLab) -> None:
    alice, bob = await lab.start_nodes(2)
    await alice.connect(bob)
    news = bob.subscribe("news")
    assert await lab.run_until(lambda: alice.topic_peers("news"), timeout=PATIENCE)
    for number in range(3):
        alice.publish("news", b"%d" % number)
    assert (await news.get()).data == b"0"
    rest = []
    async for message in news:
        rest.append(message.data)
        if len(rest) == 2:
            await news.close()
    assert rest == [b"1", b"2"]
    with pytest.raises(ClosedError):
        await news.get()


async def test_readers_of_one_subscription_share_its_messages(lab: AsyncLab) -> None:
    alice = await lab.start_node("alice")
    news = alice.subscribe("news")
    got: list[bytes] = []

    async def read() -> None:
        got.append((await news.get()).data)

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(read)
        await lab.sleep(0.01)
        for number in range(4):
            alice.publish("news", b"%d" % number)
            await lab.sleep(0.01)
    assert sorted(got) == [b"0", b"1", b"2", b"3"]


async def test_a_get_that_gets_nothing(lab: AsyncLab) -> None:
    news = (await lab.start_node("alice")).subscribe("news")
    with pytest.raises(TimeoutError, match="no message on 'news'"):
        await news.get(timeout=0.05)


async def test_what_is_awaited_together_runs_together(lab: AsyncLab) -> None:
    nodes = await lab.start_nodes(4)
    order: list[str] = []

    async def one(wait: float, name: str) -> None:
        await lab.sleep(wait)
        order.append(name)

    waiting = anyio.Event()

    async def see_the_connection() -> None:
        waiting.set()
        assert await lab.run_until(lambda: lab.edges() == [("n0", "n1")], timeout=PATIENCE)

    async def connect() -> None:
        await waiting.wait()  # so that the other verb is under way, and ends only if this one runs beside it
        await nodes[0].connect(nodes[1])

    began = lab.now
    async with anyio.create_task_group() as group:
        for wait, name in ((0.3, "c"), (0.1, "a"), (0.2, "b")):
            group.start_soon(one, wait, name)
        group.start_soon(see_the_connection)
        group.start_soon(connect)
    assert order == ["a", "b", "c"]
    assert lab.now - began >= 0.3
    if lab.backend == "mock":  # where nothing but the lab takes time
        assert lab.now - began < 0.6
    assert lab.edges() == [("n0", "n1")]


async def test_a_verb_that_fails_harms_no_other(lab: AsyncLab) -> None:
    alice, bob = await lab.start_nodes(2)
    outcomes: dict[str, Any] = {}

    async def dial(target: str) -> None:
        try:
            outcomes[target] = (await alice.connect(target, timeout=5)).peer.name
        except DialError as error:
            outcomes[target] = type(error)

    async with anyio.create_task_group() as group:
        group.start_soon(dial, "n1")
        group.start_soon(dial, "n0")
    assert outcomes == {"n1": "n1", "n0": DialError}
    assert await bob.ping(alice) > 0


async def test_the_same_node_started_together_starts_once(lab: AsyncLab) -> None:
    nodes: list[Any] = []

    async def start() -> None:
        nodes.append(await lab.start_node("alice"))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(start)
    assert len(set(map(id, nodes))) == 1
    assert len(lab.events.filter(kind="node.started")) == 1


async def test_the_same_peer_dialled_together_is_dialled_once(lab: AsyncLab) -> None:
    alice, bob = await lab.start_nodes(2)
    connections: list[int] = []

    async def dial(target: Any) -> None:
        connections.append((await alice.connect(target)).id)

    async with anyio.create_task_group() as group:
        for target in (bob, "n1", bob.peer_id, bob.addresses[0]):
            group.start_soon(dial, target)
    assert len(set(connections)) == 1
    assert len(alice.connections()) == 1


async def test_a_verb_that_is_cancelled_stops_and_the_lab_goes_on(lab: AsyncLab) -> None:
    alice, bob = await lab.start_nodes(2)
    news = alice.subscribe("news")
    with anyio.move_on_after(0.01) as scope:
        await news.get(timeout=None)
    assert scope.cancelled_caught
    assert await alice.ping(bob) > 0
    alice.publish("news", b"x")
    assert (await news.get()).data == b"x"


async def test_every_verb_that_waits_ends_when_the_lab_is_closed(lab: AsyncLab) -> None:
    alice = await lab.start_node("alice")
    news = alice.subscribe("news")
    ended: list[str] = []

    async def wait(name: str, verb: Any, *args: Any) -> None:
        with pytest.raises(ClosedError):
            await verb(*args)
        ended.append(name)

    async with anyio.create_task_group() as group:
        group.start_soon(wait, "get", news.get, None)
        group.start_soon(wait, "sleep", lab.sleep, 1e6)
        group.start_soon(wait, "until", lab.run_until, lambda: False)
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        await lab.close()
    assert sorted(ended) == ["get", "sleep", "until"]
    with pytest.raises(ClosedError, match="this lab is closed"):
        await alice.ping("bob")


async def test_run_until_takes_a_condition_or_a_moment(lab: AsyncLab) -> None:
    began = lab.now
    assert await lab.run_until(began + 0.05) is True
    assert lab.now >= began + 0.05
    assert await lab.run_until(lambda: False, timeout=0.01) is False
    assert await lab.run_until(lab.now + 100, timeout=0.01) is False


@pytest.mark.parametrize("seconds", [-1, float("nan"), "1", None])
async def test_what_is_no_time_is_refused(lab: AsyncLab, seconds: float) -> None:
    with pytest.raises(ValidationError, match="must be a number of seconds"):
        await lab.sleep(seconds)


async def test_blocking_and_awaited_verbs_share_one_lab(backend: str) -> None:
    with Lab(backend, seed=7) as lab:
        alice, bob = lab.start_nodes(2)
        assert await lab.aio["n0"].ping("n1") > 0
        assert alice.ping(bob) > 0
        assert [str(peer) for peer in lab.aio["n1"].peers()] == ["n0"]
