"""A network of DHT nodes in memory, on a clock of its own: the smallest world that the DHT can live in."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from functools import partial
from heapq import heappop, heappush
from types import coroutine
from typing import Any, TypeVar

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import DialError
from p2plab.events import EventLog
from p2plab.identity.keys import Identity
from p2plab.kademlia import DhtParams, KademliaNode, KeySpace, Lookup
from p2plab.kademlia.fill import fill_tables
from p2plab.kademlia.messages import DhtMessage, decode_message, encode_message, message_size
from p2plab.kademlia.shell.dht import NodeDht
from p2plab.kademlia.shell.interface import KademliaNetworkInterface
from p2plab.stream.errors import StreamError
from p2plab.typing import PeerId

T = TypeVar("T")


class Cancelled(BaseException):
    """Raised in a task whose time is over."""


class Signal:
    def __init__(self, world: TinyWorld) -> None:
        self._world = world
        self._tasks: list[Task] = []
        self.is_set = False

    def set(self) -> None:
        if not self.is_set:
            self.is_set = True
            for task in self._tasks:
                self._world.soon(partial(task.resume, self))
            self._tasks.clear()

    async def wait(self) -> None:
        if not self.is_set:
            await _suspend(self)

    def add(self, task: Task) -> None:
        self._tasks.append(task)


class Task:
    """A coroutine being driven; started at once."""

    def __init__(self, running: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = running
        self._waits_for: Signal | None = None
        self._step(None)

    def resume(self, signal: Signal) -> None:
        if self._waits_for is signal:
            self._step(None)

    def cancel(self) -> None:
        if self._waits_for is not None:
            self._step(Cancelled())

    def _step(self, error: BaseException | None) -> None:
        self._waits_for = None
        try:
            signal: Signal = self._coroutine.send(None) if error is None else self._coroutine.throw(error)
        except (StopIteration, Cancelled):
            return
        self._waits_for = signal
        signal.add(self)


@coroutine
def _suspend(signal: Signal) -> Generator[Signal, None, None]:
    yield signal


class TinyTimer:
    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None

    def fire(self) -> None:
        if self.action is not None:
            self.action()


class TinyWorld:
    """Implements ``Runtime``; ``run`` moves time until a coroutine is done. Errors of spawned tasks are in
    ``errors``."""

    def __init__(self, level: str = "messages") -> None:
        self.tick = 0
        self.log = EventLog(TICKS_PER_SECOND, lambda: self.tick, level)
        self.errors: list[BaseException] = []
        self._queue: list[tuple[int, int, Callable[[], object], int]] = []
        self._number = 0

    def now(self) -> float:
        return self.tick / TICKS_PER_SECOND

    def ticks(self) -> int:
        return self.tick

    def later(self, delay: int, action: Callable[[], object]) -> None:
        heappush(self._queue, (self.tick + delay, self._number, action, self.log.cause))
        self._number += 1

    def soon(self, action: Callable[[], object]) -> None:
        self.later(0, action)

    def timer(self, delay: float, action: Callable[[], None]) -> TinyTimer:
        timer = TinyTimer(action)
        self.later(round(delay * TICKS_PER_SECOND), timer.fire)
        return timer

    def waiter(self) -> Signal:
        return Signal(self)

    def spawn(self, action: Callable[[], Awaitable[Any]], what: str) -> None:
        async def guarded() -> None:
            try:
                await action()
            except Exception as error:  # noqa: BLE001  # kept for the test to look at
                self.errors.append(error)

        self.soon(lambda: Task(guarded()))

    async def sleep(self, seconds: float) -> None:
        signal = Signal(self)
        self.timer(seconds, signal.set)
        await signal.wait()

    async def within(self, seconds: float | None, action: Callable[[], Awaitable[T]]) -> T:
        outcome: list[tuple[T | None, BaseException | None]] = []
        signal = Signal(self)

        async def attempt() -> None:
            try:
                outcome.append((await action(), None))
            except Exception as error:  # noqa: BLE001  # raised again below
                outcome.append((None, error))
            signal.set()

        task = Task(attempt())
        timer = None if seconds is None or outcome else self.timer(seconds, signal.set)
        await signal.wait()
        if timer is not None:
            timer.cancel()
        if not outcome:
            task.cancel()
            raise TimeoutError(f"not done within {seconds} s")
        result, error = outcome[0]
        if error is not None:
            raise error
        return result  # type: ignore[return-value]  # there is no error, so there is a result

    def random(self, purpose: str) -> random.Random:
        return random.Random(purpose)

    def step(self) -> bool:
        """Make the next call; whether there was one."""
        if not self._queue:
            return False
        self.tick, _, action, self.log.cause = heappop(self._queue)
        action()
        self.log.cause = -1
        return True

    def run(self, action: Callable[[], Awaitable[T]]) -> T:
        outcome: list[tuple[T | None, BaseException | None]] = []

        async def attempt() -> None:
            try:
                outcome.append((await action(), None))
            except Exception as error:  # noqa: BLE001  # raised again below
                outcome.append((None, error))

        Task(attempt())
        while not outcome:
            assert self.step(), "nothing is left to happen"
        result, error = outcome[0]
        if error is not None:
            raise error
        return result  # type: ignore[return-value]  # there is no error, so there is a result

    def run_for(self, seconds: float) -> None:
        until = self.tick + round(seconds * TICKS_PER_SECOND)
        while self._queue and self._queue[0][0] <= until:
            self.step()
        self.tick = until


class Network:
    """``count`` DHT nodes with realistic tables (``filled``), any of whom can ask any other, ``latency`` seconds away.

    ``down`` are nodes that say nothing; ``broken`` counts how many requests to a node are to be reset; ``wire`` sends
    every message through its bytes; ``identify`` tells a node that is asked who its asker is, as a connection would.
    """

    def __init__(
        self,
        count: int,
        params: DhtParams | None = None,
        *,
        filled: bool = True,
        seed: int = 1,
        latency: float = 0.05,
        level: str = "messages",
        wire: bool = False,
        identify: bool = False,
        real_ids: bool = True,
        addresses: Callable[[int], Sequence[str]] | None = None,
    ) -> None:
        self.world = TinyWorld(level)
        self.params = params if params is not None else DhtParams(ip_limit_bucket=0, ip_limit_table=0)
        self.latency = latency
        self.wire = wire
        self.identify = identify
        self.down: set[int] = set()
        self.broken: dict[int, int] = {}
        self.clients: set[int] = set()
        self.requests = 0
        self.bytes = 0
        self.space = KeySpace()
        self.nodes: list[KademliaNode] = []
        self.interfaces: list[KademliaNetworkInterface] = []
        self.dht: list[NodeDht] = []
        self.random = random.Random(seed)
        for number in range(count):
            self.add(addresses(number) if addresses else (), real_ids)
        if filled:
            fill_tables(self.nodes, lambda _: self.random, 0)

    def add(self, addresses: Sequence[str] = (), real_ids: bool = True, params: DhtParams | None = None) -> int:
        """One node more; its index."""
        number = len(self.nodes)
        name = f"n{number}"
        peer_id = Identity.derive(1, name).peer_id if real_ids else made_up_id(number)
        at = addresses or (f"/ip4/10.{number >> 16}.{number >> 8 & 255}.{number & 255}/tcp/4001",)
        index = self.space.add(peer_id, at)
        assert self.world.log.register(name) == index == number
        node = KademliaNode(index, self.space, params or self.params, random=random.Random(number), epoch=1.7e9)
        interface = KademliaNetworkInterface(self.world, self.world.log, node, self._carry(index))
        self.nodes.append(node)
        self.interfaces.append(interface)
        self.dht.append(NodeDht(interface, name))
        return index

    def _carry(self, me: int) -> Callable[[int, DhtMessage, int, float, int], Awaitable[DhtMessage | None]]:
        world, half = self.world, round(self.latency * TICKS_PER_SECOND)

        async def request(peer: int, message: DhtMessage, size: int, timeout: float, cause: int) -> DhtMessage | None:
            self.requests += 1
            self.bytes += size
            if peer in self.clients:
                raise StreamError("protocol not supported", f"{peer} speaks no DHT")
            if peer >= len(self.nodes):
                raise DialError(f"{peer} has no address")
            arrived = Signal(world)
            replies: list[DhtMessage | None] = []

            def at_peer() -> None:
                if peer in self.down:
                    return
                if self.broken.get(peer, 0):
                    self.broken[peer] -= 1
                    world.later(half, arrived.set)
                    return
                if self.identify and me not in self.nodes[peer].contacts:
                    self.interfaces[peer].peer_connected(me, me not in self.clients)
                reply = self.interfaces[peer].receive(me, self._through_bytes(message))
                replies.append(None if reply is None else self._through_bytes(reply))
                world.later(half, arrived.set)

            world.log.cause = cause
            world.later(half, at_peer)
            timer = world.timer(timeout, arrived.set)
            await arrived.wait()
            timer.cancel()
            if replies:
                return replies[0]
            if peer in self.down:
                raise TimeoutError("no answer")
            raise StreamError("reset", "the stream broke")

        return request

    def _through_bytes(self, message: DhtMessage) -> DhtMessage:
        if not self.wire:
            return message
        data = encode_message(message, self.space)
        assert len(data) == message_size(message, self.space)
        return decode_message(data, self.space, self.params)

    # -- what tests ask for

    def run(self, verb: Callable[..., Awaitable[T]], *args: Any) -> T:
        return self.world.run(lambda: verb(*args))

    def lookup(self, start: int, key: bytes) -> Lookup:
        return self.run(self.dht[start].closest_peers, key)

    def truly_closest(self, key: int, count: int, without: int = -1) -> list[int]:
        """The nodes that are up and closest to a key."""
        keys = self.space.keys
        up = [node.me for node in self.nodes if node.me not in self.down and node.me != without]
        return sorted(up, key=lambda peer: keys[peer] ^ key)[:count]

    def join(self, peer: int, by: int) -> None:
        """``peer`` connects to ``by``, and both learn that the other is a server."""
        self.interfaces[peer].peer_connected(by, True)
        self.interfaces[by].peer_connected(peer, True)


def made_up_id(number: int) -> PeerId:
    """A peer id without a key behind it, for networks too large to make keys for."""
    import hashlib

    from p2plab.identity.keys import peer_id_from_bytes

    binary = b"\x12\x20" + hashlib.sha256(b"peer %d" % number).digest()
    return PeerId(peer_id_from_bytes(binary), f"n{number}")
