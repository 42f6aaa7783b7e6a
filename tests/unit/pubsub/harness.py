"""A little network in memory for these tests: virtual time, coroutines driven by hand, links of one fixed latency.

It shares nothing with the simulated network of the package, so that a mistake there cannot hide one here.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from typing import Any, TypeVar

from p2plab.constants import TICKS_PER_SECOND
from p2plab.events import Event, EventLog
from p2plab.identity.keys import Identity
from p2plab.pubsub import FloodSub, PubSubManager, Router
from p2plab.pubsub.rpc import RPC, decode_rpc, encode_rpc, rpc_size
from p2plab.typing import PeerId

T = TypeVar("T")


class CancelledInHarness(BaseException):
    """Thrown into a coroutine whose time has run out."""


class ManualTimer:
    def __init__(self, action: Callable[[], None]) -> None:
        self._action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self._action = None

    def fire(self) -> None:
        if self._action is not None:
            self._action()


class ManualWaiter:
    def __init__(self, runtime: ManualRuntime) -> None:
        self._runtime = runtime
        self._set = False
        self._tasks: list[ManualTask] = []

    def set(self) -> None:
        self._set = True
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            self._runtime.at(0, task.step)

    async def wait(self) -> None:
        while not self._set:
            await _Park(self._tasks)


class _Park:
    """Awaiting it puts the running task into a list and stops it there."""

    def __init__(self, tasks: list[ManualTask]) -> None:
        self._tasks = tasks

    def __await__(self) -> Generator[list[ManualTask], None, None]:
        yield self._tasks


class ManualTask:
    def __init__(self, coroutine: Coroutine[Any, Any, Any], finished: Callable[[ManualTask], None]) -> None:
        self.coroutine = coroutine
        self.finished = finished
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None

    def step(self, throw: BaseException | None = None) -> None:
        if self.done:
            return
        try:
            parked = self.coroutine.throw(throw) if throw is not None else self.coroutine.send(None)
        except StopIteration as stop:
            self.done, self.result = True, stop.value
        except (Exception, CancelledInHarness) as error:  # noqa: BLE001  # kept, and raised where it is waited for
            self.done, self.error = True, error
        if self.done:
            self.finished(self)
        else:
            parked.append(self)


class ManualRuntime:
    """``p2plab.typing.Runtime`` over a heap of actions."""

    def __init__(self, seed: int = 0) -> None:
        self.tick = 0
        self.seed = seed
        self.errors: list[tuple[str, BaseException]] = []
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, delay: int, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.tick + delay, self._count, action))

    def now(self) -> float:
        return self.tick / TICKS_PER_SECOND

    def ticks(self) -> int:
        return self.tick

    def timer(self, delay: float, action: Callable[[], None]) -> ManualTimer:
        timer = ManualTimer(action)
        self.at(round(delay * TICKS_PER_SECOND), timer.fire)
        return timer

    def waiter(self) -> ManualWaiter:
        return ManualWaiter(self)

    def start(
        self, action: Callable[[], Awaitable[Any]], finished: Callable[[ManualTask], None] = lambda task: None
    ) -> ManualTask:
        async def main() -> Any:
            return await action()

        task = ManualTask(main(), finished)
        task.step()
        return task

    def spawn(self, action: Callable[[], Awaitable[Any]], what: str) -> None:
        def finished(task: ManualTask) -> None:
            if task.error is not None:
                self.errors.append((what, task.error))

        self.start(action, finished)

    async def sleep(self, seconds: float) -> None:
        waiter = self.waiter()
        self.timer(seconds, waiter.set)
        await waiter.wait()

    async def within(self, seconds: float | None, action: Callable[[], Awaitable[T]]) -> T:
        if seconds is None:
            return await action()
        over = self.waiter()
        expired = False

        def expire() -> None:
            nonlocal expired
            if not task.done:
                expired = True
                task.step(CancelledInHarness())

        task = self.start(action, lambda task: over.set())
        timer = self.timer(seconds, expire)
        await over.wait()
        timer.cancel()
        if expired:
            raise TimeoutError
        if task.error is not None:
            raise task.error
        return task.result  # type: ignore[no-any-return]

    def random(self, purpose: str) -> random.Random:
        return random.Random(f"{self.seed}/{purpose}")

    def run(self, seconds: float) -> None:
        """Let this much time pass."""
        end = self.tick + round(seconds * TICKS_PER_SECOND)
        while self._queue and self._queue[0][0] <= end:
            self.tick, _, action = heapq.heappop(self._queue)
            action()
        self.tick = end

    def wait_for(self, action: Callable[[], Awaitable[T]]) -> T:
        """Let time pass until the coroutine is done; its result, or what it raised."""
        task = self.start(action)
        while not task.done:
            assert self._queue, "it waits for something that will never happen"
            self.tick, _, step = heapq.heappop(self._queue)
            step()
        if task.error is not None:
            raise task.error
        return task.result  # type: ignore[no-any-return]


class Net:
    """Nodes with pubsub, and links between them. ``sent`` lists (tick, from, to, rpc), in order.

    A link's latency is ``latency`` and up to ``spread`` more (seconds), always the same for the same link.
    ``lossy(sender, receiver, rpc)`` true: that RPC is lost. ``encoded``: every RPC goes through its bytes.
    """

    def __init__(
        self, latency: float = 0.010, seed: int = 0, level: str = "all", encoded: bool = False, spread: float = 0.0
    ) -> None:
        self.runtime = ManualRuntime(seed)
        self.log = EventLog(TICKS_PER_SECOND, self.runtime.ticks, level)
        self.latency = round(latency * TICKS_PER_SECOND)
        self.spread = round(spread * TICKS_PER_SECOND)
        self.encoded = encoded
        self.nodes: list[PubSubManager] = []
        self.identities: list[Identity] = []
        self.protocols: list[tuple[str, ...]] = []
        self.sent: list[tuple[int, int, int, RPC]] = []
        self.dialled: list[tuple[int, str, tuple[str, ...]]] = []
        self.lossy: Callable[[int, int, RPC], bool] = lambda sender, receiver, rpc: False
        self.links: dict[tuple[int, int], None] = {}

    def add(self, router: Router | None = None, name: str = "", ip: str = "", **options: Any) -> PubSubManager:
        index = self.log.register(name or f"n{len(self.nodes)}")
        identity = Identity.derive(self.runtime.seed, name or f"n{index}")
        router = router if router is not None else FloodSub()

        def send(peer: int, rpc: RPC, size: int, cause: int) -> None:
            self._send(index, peer, rpc, size, cause)

        async def dial(target: str, addresses: Sequence[str]) -> None:
            self.dialled.append((index, target, tuple(addresses)))
            for other, one in enumerate(self.identities):
                if target in (one.name, one.peer_id) and (index, other) not in self.links:
                    await self.runtime.sleep(0.1)
                    self.connect(index, other)

        manager = PubSubManager(
            self.runtime,
            self.log,
            index,
            identity,
            router,
            send,
            peer_id_of=self.peer_id_of,
            index_of=self.index_of,
            dial=dial,
            name=name or f"n{index}",
            **options,
        )
        self.nodes.append(manager)
        self.identities.append(identity)
        self.protocols.append(router.protocols)
        return manager

    def add_many(self, count: int, make: Callable[[], Router] = FloodSub, **options: Any) -> list[PubSubManager]:
        return [self.add(make(), **options) for _ in range(count)]

    def peer_id_of(self, index: int) -> PeerId:
        return self.identities[index].peer_id

    def index_of(self, peer_id: bytes) -> int:
        from p2plab.identity.keys import peer_id_bytes

        for index, identity in enumerate(self.identities):
            if peer_id_bytes(identity.peer_id) == peer_id:
                return index
        return -1

    def connect(self, dialler: int, listener: int) -> None:
        protocol = next(name for name in self.protocols[dialler] if name in self.protocols[listener])
        self.links[dialler, listener] = self.links[listener, dialler] = None
        self.nodes[dialler].add_peer(listener, protocol, True, f"10.0.0.{listener}")
        self.nodes[listener].add_peer(dialler, protocol, False, f"10.0.0.{dialler}")

    def connect_all(self) -> None:
        for dialler in range(len(self.nodes)):
            for listener in range(dialler + 1, len(self.nodes)):
                self.connect(dialler, listener)

    def disconnect(self, one: int, other: int) -> None:
        del self.links[one, other], self.links[other, one]
        self.nodes[one].remove_peer(other)
        self.nodes[other].remove_peer(one)

    def _send(self, sender: int, receiver: int, rpc: RPC, size: int, cause: int) -> None:
        assert size == rpc_size(rpc)
        self.sent.append((self.runtime.tick, sender, receiver, rpc))
        if (sender, receiver) not in self.links or self.lossy(sender, receiver, rpc):
            return
        arriving = decode_rpc(encode_rpc(rpc)) if self.encoded else rpc

        def arrive() -> None:
            if (sender, receiver) in self.links:
                self.log.cause = cause
                self.nodes[receiver].receive(sender, arriving)
                self.log.cause = -1

        self.runtime.at(self.latency + self.spread * ((sender * 7 + receiver * 13) % 11) // 10, arrive)

    def run(self, seconds: float = 1.0) -> None:
        self.runtime.run(seconds)

    def events(self, kind: str, node: str | None = None, reason: str | None = None) -> list[Event]:
        return self.log.filter(kind=kind, node=node, reason=reason)

    def rpcs(self, sender: int, receiver: int, since: int = 0) -> Sequence[RPC]:
        return [rpc for _, one, other, rpc in self.sent[since:] if (one, other) == (sender, receiver)]
