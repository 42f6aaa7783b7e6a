from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from p2plab.errors import ClosedError, ValidationError
from p2plab.pubsub import AsyncSubscription, Message, Subscription, TopicQueue
from p2plab.typing import PeerId
from p2plab.worlds import World
from tests.unit.pubsub.harness import ManualRuntime

ALICE = PeerId("12D3KooWAlice", "alice")


def message(number: int) -> Message:
    return Message("news", b"%d" % number, ALICE, ALICE, f"{number:02x}", number, float(number))


class ManualWorld:
    """As much of a World as the faces of a queue use."""

    def __init__(self, runtime: ManualRuntime) -> None:
        self._runtime = runtime

    def run(self, verb: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        return self._runtime.wait_for(lambda: verb(*args))

    async def arun(self, verb: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        return await verb(*args)

    def call(self, verb: Callable[..., Any], *args: Any) -> Any:
        return verb(*args)


@pytest.fixture
def runtime() -> ManualRuntime:
    return ManualRuntime()


@pytest.fixture
def queue(runtime: ManualRuntime) -> TopicQueue:
    return TopicQueue("news", runtime, owner="bob")


@pytest.fixture
def world(runtime: ManualRuntime) -> World:
    return cast("World", ManualWorld(runtime))


def test_get_gives_messages_in_order_and_leaves_the_history(queue: TopicQueue, world: World) -> None:
    news = Subscription(queue, world)
    for number in range(3):
        queue.put(message(number))
    assert [news.get().seqno for _ in range(3)] == [0, 1, 2]
    assert [entry.seqno for entry in news.messages] == [0, 1, 2]


def test_get_waits_for_a_message(queue: TopicQueue, world: World, runtime: ManualRuntime) -> None:
    runtime.timer(3.0, lambda: queue.put(message(7)))
    assert Subscription(queue, world).get(timeout=5).seqno == 7
    assert runtime.now() == 3.0


def test_get_raises_the_builtin_timeout_error_when_nothing_came(
    queue: TopicQueue, world: World, runtime: ManualRuntime
) -> None:
    with pytest.raises(TimeoutError, match=r"no message on 'news' within 2\.5 s"):
        Subscription(queue, world).get(timeout=2.5)
    assert runtime.now() == 2.5


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf"), "5", True])
def test_a_timeout_that_is_no_duration_is_an_error(queue: TopicQueue, world: World, timeout: Any) -> None:
    with pytest.raises(ValidationError, match="timeout is a number of seconds"):
        Subscription(queue, world).get(timeout=timeout)


def test_every_waiting_getter_gets_a_message_of_its_own(queue: TopicQueue, runtime: ManualRuntime) -> None:
    tasks = [runtime.start(lambda: queue.receive(10.0)) for _ in range(3)]
    for number in range(3):
        queue.put(message(number))
    runtime.run(1)
    assert sorted(task.result.seqno for task in tasks) == [0, 1, 2]


def test_a_getter_that_gave_up_takes_no_message_from_the_others(queue: TopicQueue, runtime: ManualRuntime) -> None:
    impatient = runtime.start(lambda: queue.receive(1.0))
    patient = runtime.start(lambda: queue.receive(10.0))
    runtime.timer(1.0, lambda: queue.put(message(1)))  # the very instant the first gives up
    runtime.timer(1.0, lambda: queue.put(message(2)))
    runtime.run(5)
    got = [task.result.seqno for task in (impatient, patient) if task.error is None]
    assert patient.error is None
    assert len(got) + queue.waiting == 2


def test_closing_ends_waiting_getters(queue: TopicQueue, runtime: ManualRuntime) -> None:
    task = runtime.start(lambda: queue.receive(None))
    queue.close()
    runtime.run(1)
    assert isinstance(task.error, ClosedError)
    assert "'news' is closed" in str(task.error)


def test_what_waits_in_a_closed_subscription_can_still_be_got(queue: TopicQueue, world: World) -> None:
    news = Subscription(queue, world)
    queue.put(message(1))
    news.close()
    queue.put(message(2))
    assert news.closed
    assert news.get().seqno == 1
    with pytest.raises(ClosedError):
        news.get()


def test_closing_tells_the_owner_once(runtime: ManualRuntime) -> None:
    told: list[TopicQueue] = []
    queue = TopicQueue("news", runtime, on_close=told.append)
    queue.close()
    queue.close()
    assert told == [queue]


def test_a_full_queue_drops_its_oldest_message_counts_it_and_tells(runtime: ManualRuntime, world: World) -> None:
    lost: list[int | None] = []
    queue = TopicQueue("news", runtime, limit=2, on_drop=lambda _, entry: lost.append(entry.seqno))
    for number in range(5):
        queue.put(message(number))
    news = Subscription(queue, world)
    assert (news.dropped, lost) == (3, [0, 1, 2])
    assert [entry.seqno for entry in news.messages] == [0, 1, 2, 3, 4]
    assert [news.get().seqno, news.get().seqno] == [3, 4]


def test_the_history_is_bounded(runtime: ManualRuntime) -> None:
    queue = TopicQueue("news", runtime, history=2)
    for number in range(5):
        queue.put(message(number))
    assert [entry.seqno for entry in queue.messages] == [3, 4]


@pytest.mark.parametrize("face", [Subscription, AsyncSubscription])
def test_iteration_ends_with_the_subscription(
    face: type[Subscription | AsyncSubscription], queue: TopicQueue, world: World, runtime: ManualRuntime
) -> None:
    news = face(queue, world)

    async def collect() -> list[int | None]:
        return [entry.seqno async for entry in news]

    task = runtime.start(collect)
    queue.put(message(1))
    runtime.run(1)
    queue.put(message(2))
    queue.close()
    runtime.run(1)
    assert task.result == [1, 2]


def test_the_async_face_has_the_same_verbs_as_coroutines(
    queue: TopicQueue, world: World, runtime: ManualRuntime
) -> None:
    news = AsyncSubscription(queue, world)
    queue.put(message(1))
    assert runtime.wait_for(news.get).seqno == 1
    with pytest.raises(TimeoutError):
        runtime.wait_for(lambda: news.get(timeout=1))
    runtime.wait_for(news.close)
    assert queue.closed


def test_reprs_name_the_topic_and_count(runtime: ManualRuntime, world: World) -> None:
    queue = TopicQueue("news", runtime, owner="bob", limit=1)
    queue.put(message(1))
    queue.put(message(2))
    assert repr(Subscription(queue, world)) == "<Subscription 'news' of bob: 2 received, 1 waiting, 1 dropped>"


def test_the_repr_of_a_message_puts_names_first_and_shows_a_bounded_part_of_its_data() -> None:
    long = Message("news", bytes(10_000), ALICE, PeerId("12D3KooWBob"), "ab" * 40, 1, 1.5)
    assert repr(long).startswith("<Message 'news' from alice by …ooWBob: b'")
    assert "(10000 B)" in repr(long)
    assert len(repr(long)) < 300
