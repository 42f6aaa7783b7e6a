"""What a class does to a lab, all at once and at random: peers come and go, calls are cancelled, handlers raise,
strangers knock. Everything here runs inside the lab, until it is cancelled."""

from __future__ import annotations

import random
import socket
from collections.abc import Awaitable, Callable
from typing import Any, cast

import trio

from p2plab import Lab
from p2plab.errors import LabError
from p2plab.real import RealWorld
from p2plab.real.host import RealHost
from p2plab.stream import NetStream, StreamError
from p2plab.worlds import Host

VISITORS = 4
MESSAGES_A_SECOND = 8  # at most
PATIENCE = 20.0  # seconds


async def echo(stream: NetStream) -> None:
    while data := await stream.read():
        await stream.write(data)


async def raise_at_once(stream: NetStream) -> None:
    raise LookupError("a student's mistake")


class Conditions:
    """``core`` are the nodes that stay, whose subscriptions must miss nothing; ``done`` counts what was done."""

    def __init__(self, lab: Lab, core: list[str], seed: int) -> None:
        self.world = cast(RealWorld, lab.world)
        self.core = core
        self.done: dict[str, int] = {}
        self.published: list[str] = []
        self.got: dict[str, set[str]] = {name: set() for name in core}  # the messages that each of them received
        self.dead: list[str] = []  # connections that are listed and do not answer
        self.chance = random.Random(seed)
        for name in core:
            lab[name].handle("/echo/1", echo)
            lab[name].handle("/raise/1", raise_at_once)

    def host(self, name: str) -> RealHost:
        return cast(RealHost, self.world.hosts()[name])

    def count(self, what: str) -> None:
        self.done[what] = self.done.get(what, 0) + 1

    async def run(self) -> None:
        """All of it."""
        async with trio.open_nursery() as nursery:
            for task in (self.publish, self.cancel_calls, self.fail_in_handlers, self.knock):
                nursery.start_soon(task)
            for number in range(VISITORS):
                nursery.start_soon(self.visit, f"visitor{number}")

    async def send_home(self) -> None:
        """Stop every visitor that is there."""
        for number in range(VISITORS):
            host = self.host(f"visitor{number}")
            await host.settled()
            if host.running:
                await host.stop()

    async def publish(self) -> None:
        while True:
            host = self.host(self.chance.choice(self.core))
            sent = host.publish("news", self.chance.randbytes(100)).id
            self.published.append(sent)
            self.count("messages published")
            await trio.sleep(1 / MESSAGES_A_SECOND)
            # On a busy machine more would come than the process can carry, and everything would wait for it.
            with trio.move_on_after(PATIENCE):
                while any(sent not in ids for ids in self.got.values()):
                    await trio.sleep(0.05)

    async def visit(self, name: str) -> None:
        """Come, talk to some, and go: in order, or by a crash."""
        await self.world.start_nodes([name], {})
        host = self.host(name)
        while True:
            if not host.running:
                host.restart("lost", reconnect=False)
            await host.settled()
            for peer in self.chance.sample(self.core, 2):
                await self._tried(host.connect(peer))
            host.subscribe("news")
            await trio.sleep(self.chance.uniform(0.5, 2))
            if self.chance.random() < 0.5:
                host.crash()
            else:
                await host.stop()
            self.count("visitors gone")
            await trio.sleep(self.chance.uniform(0.1, 0.5))

    async def cancel_calls(self) -> None:
        async def use(host: Host, peer: str) -> None:
            async with await host.open_stream(peer, ["/echo/1"]) as stream:
                await stream.write(bytes(200_000))
                while await stream.read():
                    pass

        verbs: list[Callable[[Host, str], Awaitable[Any]]] = [
            use,
            lambda host, peer: host.ping(peer),
            lambda host, peer: host.identify(peer),
            lambda host, peer: host.dht_verbs.get(f"/lab/{peer}"),
        ]
        while True:
            one, other = self.chance.sample(self.core, 2)
            with trio.move_on_after(self.chance.uniform(0, 0.05)):
                await self._tried(self.chance.choice(verbs)(self.host(one), other))
            self.count("calls cancelled or done")
            await trio.sleep(0.05)

    async def fail_in_handlers(self) -> None:
        while True:
            one, other = self.chance.sample(self.core, 2)
            await self._tried(self._fail(self.host(one), other))
            self.count("handlers that raised")
            await trio.sleep(0.2)

    async def _fail(self, host: RealHost, other: str) -> None:
        try:
            stream = await host.open_stream(other, ["/raise/1"])
        except StreamError as error:
            if error.kind == "deadline":
                await self._must_answer(host, other, error)
            raise
        await self._tried(stream.read())
        await stream.reset()

    async def _must_answer(self, host: RealHost, other: str, silence: StreamError) -> None:
        """A stream was given up for the other's silence, on a connection that is listed: it must not be dead."""
        last: BaseException = silence
        for _ in range(4):
            try:
                await host.ping(other, PATIENCE)
            except (LabError, TimeoutError) as error:
                last = error
            else:
                return
        self.dead.append(f"{host.name} to {other}: {silence}; then {last!r}")

    async def knock(self) -> None:
        while True:
            port = int(self.host(self.chance.choice(self.core)).addresses[0].split("/")[4])
            with socket.create_connection(("127.0.0.1", port)) as stranger:
                stranger.setblocking(False)
                stranger.send(self.chance.choice([b"", b"\x13/multistream/1.0.0\n", self.chance.randbytes(200)]))
                await trio.sleep(self.chance.uniform(0, 0.3))
            self.count("strangers")

    async def _tried(self, call: Awaitable[Any]) -> None:
        """What the others' coming and going, and the failing of handlers, may do to a call."""
        try:
            await call
        except (LabError, TimeoutError) as error:
            self.count("calls that failed")
            self.count(f"... with {type(error).__name__} {getattr(error, 'kind', '')!s}".rstrip())
