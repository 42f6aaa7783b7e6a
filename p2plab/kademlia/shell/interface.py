"""The shell around a DHT node: it carries messages, measures time, and records what happens.

The node decides; this carries its effects out in any world. A request goes through ``request``, which the world gives;
it is tried again where its stream broke, never where it timed out. One timer serves all of a node's upkeep.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from p2plab.constants import TICKS_PER_SECOND
from p2plab.effects import Ask, OperationDone, Runner
from p2plab.events import EventLog
from p2plab.kademlia.messages import SILENCE, DhtMessage, judged, meaning, message_size, type_name
from p2plab.kademlia.node import KademliaNode
from p2plab.kademlia.operations import CausedEffects, Effects, Operation
from p2plab.kademlia.shell.failures import failure_of
from p2plab.stream.errors import StreamError
from p2plab.typing import Runtime, Timer, Waiter

__all__ = ["KademliaNetworkInterface", "Request"]


Request = Callable[[int, DhtMessage, int, float, int], Awaitable["DhtMessage | None"]]
"""How a world carries a request: ``request(peer, message, size, timeout, cause)`` connects to the peer if need be and
brings its answer; ``size`` is bytes on the wire without the length in front, ``timeout`` seconds, ``cause`` the event
that asked. None where the peer closed the stream without an answer; raises TimeoutError, or any LabError or OSError."""


class KademliaNetworkInterface:
    """One node's DHT in a world. ``learn`` is given the addresses that answers from the wire bring; ``on_mode`` is
    called when the node becomes a client or a server, so that the host offers its protocol or no longer does."""

    def __init__(
        self,
        runtime: Runtime,
        log: EventLog,
        node: KademliaNode,
        request: Request,
        *,
        learn: Callable[[int, Sequence[str]], None] | None = None,
        on_mode: Callable[[str], None] | None = None,
    ) -> None:
        self.runtime = runtime
        self.log = log
        self.node = node
        self.on_mode = on_mode
        self._runner = Runner(log, node.me, self)
        self._request = request
        self._learn = learn
        self._waiting: dict[Operation, Waiter] = {}
        self._timer: Timer | None = None
        self._armed: int | None = None
        self._life = 0  # of the node: what was asked in an earlier one says nothing about the peer

    # -- what a host calls

    def receive(self, sender: int, message: DhtMessage) -> DhtMessage | None:
        """The answer to a request that came in; None: there is none, be it that it was refused or that none is due."""
        answer = self.take(sender, message)
        return None if answer is SILENCE else answer

    def take(self, sender: int, message: DhtMessage) -> DhtMessage | None:
        """The same for a stream of several requests: SILENCE says to go on without an answer, None to close it."""
        if self.log.wants("dht.request"):
            self.log.record("dht.request", self.node.me, sender, data={"type": type_name(message.type)})
        self._note("received", sender, message)
        reply, effects = self.node.answer(sender, message, self.runtime.ticks())
        self._note("sent", sender, reply)
        if effects:
            self.carry_out(effects)
        return reply

    def _note(self, way: str, peer: int, message: DhtMessage | None, cause: int | None = None) -> None:
        """Record a message that is sent or has come, where the log wants to know."""
        if message is not None and message is not SILENCE and self.log.wants("dht.message"):
            data = {"type": type_name(message.type), "way": way}
            size = message_size(message, self.node.space)
            self.log.record("dht.message", self.node.me, peer, size=size, data=data, cause=cause)

    def peer_connected(self, peer: int, server: bool) -> None:
        """A peer is connected, and identify said whether it speaks the DHT's protocol."""
        self.carry_out(self.node.peer_connected(peer, server, self.runtime.ticks()))

    def peer_seen(self, peer: int, server: bool) -> None:
        """A peer was connected for the length of a request only, and identify said whether it speaks the protocol."""
        self.carry_out(self.node.peer_seen(peer, server, self.runtime.ticks()))

    def peer_disconnected(self, peer: int) -> None:
        """The last connection to a peer is gone."""
        self.node.peer_disconnected(peer)

    def peer_gone(self, peer: int) -> None:
        """A peer is known to be gone for good: it leaves the routing table."""
        self.carry_out(self.node.gone(peer, "known to be gone", self.runtime.ticks()))

    def reachability(self, public: bool | None) -> None:
        """The node was found to be reachable, or not (None: unknown); moves a node of mode ``auto``."""
        self._moved(self.node.reachability(public, self.runtime.ticks()))

    def set_mode(self, mode: str) -> None:
        """Become a ``client`` or a ``server``. ValidationError for anything else."""
        self._moved(self.node.set_mode(mode))

    def _moved(self, effects: Effects) -> None:
        self.carry_out(effects)
        if effects and self.on_mode is not None:
            self.on_mode(self.node.mode)

    @property
    def running(self) -> bool:
        """Whether the upkeep has begun."""
        return self.node.upkeep.running

    def start(self, join: bool = True) -> None:
        """Begin the upkeep: joining (unless told not to, see ``Upkeep.start``), refreshing, publishing again,
        expiry."""
        self.node.upkeep.start(self.runtime.ticks(), join)
        self._arm()

    def stop(self) -> None:
        """End the upkeep and whatever is under way."""
        self._life += 1
        self.carry_out(self.node.restarted(True, self.runtime.ticks()))

    def restarted(self, keep: bool) -> None:
        """The node crashed and came back, with or without what it knew. Start the upkeep anew with ``start``."""
        self.carry_out(self.node.restarted(keep, self.runtime.ticks()))

    # -- operations

    async def run(self, operation: Operation, limited: bool = True) -> None:
        """Carry an operation out, for at most ``lookup_timeout`` if ``limited``."""
        waiter = self.runtime.waiter()
        self._waiting[operation] = waiter
        self.carry_out(self.node.begin(operation, self.runtime.ticks()))
        if operation.ended >= 0:
            return
        seconds = self.node.params.lookup_timeout
        timer = self.runtime.timer(seconds, lambda: self._expire(operation)) if limited else None
        try:
            await waiter.wait()
        finally:
            if timer is not None:
                timer.cancel()
            if operation.ended < 0 and not operation.released:  # whoever waited was cancelled
                self._expire(operation)

    def bootstrap(self) -> None:
        """Look oneself up and refresh every bucket, beside whatever else goes on."""
        out: Effects = []
        self.node.upkeep.refresh("bootstrap", self.runtime.ticks(), out)
        self.carry_out(out)

    def _expire(self, operation: Operation) -> None:
        self.carry_out(self.node.expire(operation, self.runtime.ticks()))

    def carry_out(self, effects: Effects, cause: int = -1) -> None:
        """Carry effects out in order, because of the event ``cause`` where nothing later led here; then have the upkeep
        woken when it is due."""
        if isinstance(effects, CausedEffects):
            cause = effects.event
        self._runner.run(effects, max(self.log.cause, cause))
        self._arm()

    def perform(self, effect: Ask[Operation, DhtMessage] | OperationDone[Operation], cause: int) -> None:
        """Send a request, or tell whoever waits for an operation that it is over."""
        operation = effect.operation
        if isinstance(effect, Ask):
            self.runtime.spawn(partial(self._ask, operation, effect.peer, effect.message, cause), "a DHT query")
            return
        if operation.event < 0:
            operation.event = cause
        waiter = self._waiting.pop(operation, None)
        if waiter is not None:
            waiter.set()

    async def _ask(self, operation: Operation, peer: int, message: DhtMessage, cause: int) -> None:
        node, params, life = self.node, self.node.params, self._life
        size = message_size(message, node.space)
        attempt = 0
        while True:
            text = ""
            try:
                self._note("sent", peer, message, cause)
                reply = await self._request(peer, message, size, params.query_timeout, cause)
                self._note("received", peer, reply, cause)
            except Exception as error:
                why, text = failure_of(error)
                if why and life != self._life:
                    return
                if isinstance(error, StreamError) and error.kind in ("reset", "closed"):
                    attempt += 1
                    again = operation.asked_again(params, peer, attempt, text)
                    if again:
                        cause = self._runner.run(again)
                        continue
                if not why:
                    self.carry_out(node.failed(operation, peer, "bad answer", self.runtime.ticks(), text), cause)
                    raise
            else:
                if life != self._life:
                    return
                answer, why = judged(message, reply)
                if answer is not None:
                    self._learn_from(answer)
                    self.carry_out(node.answered(operation, peer, answer, self.runtime.ticks()), cause)
                    return
            why = meaning(message, why)
            self.carry_out(node.failed(operation, peer, why, self.runtime.ticks(), text), cause)
            return

    def _learn_from(self, reply: DhtMessage) -> None:
        if reply.addresses and self._learn is not None:
            for other, addresses in reply.addresses.items():
                if addresses:
                    self._learn(other, addresses)

    # -- time

    def _arm(self) -> None:
        """Have the upkeep woken when something is due."""
        due = self.node.upkeep.due
        if due == self._armed:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._armed = due
        if due is not None:
            delay = max(0, due - self.runtime.ticks()) / TICKS_PER_SECOND
            self._timer = self.runtime.timer(delay, self._wake)

    def _wake(self) -> None:
        self._timer, self._armed = None, None
        self.carry_out(self.node.upkeep.wake(self.runtime.ticks()))
