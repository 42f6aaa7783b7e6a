"""Remedy "one supervisor a host": a task that keeps one node alive, and whose end is nobody else's.

Where the library kills the node's stack, that is recorded and the node comes back with a new one: the same key, the
same port, its address book, handlers and subscriptions. It gives up on a node that does not stay up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from p2plab.real.host import RealHost
from p2plab.real.pylibp2p.stack import Stack

LIVES = 5  # stacks in a row that may end within SHORT before the node is left for dead
SHORT = 2.0  # seconds


class Supervisor:
    """One life of a node, from its start to its stop or crash. ``over`` is set when nothing of it is left."""

    def __init__(self, host: RealHost) -> None:
        self.host = host
        self.over = trio.Event()
        self._stack: Stack | None = None
        self._ending = ""  # what ends it on purpose, as a kind of event
        self._cause = -1

    def stop(self) -> None:
        """Have the node say goodbye and go; ``over`` is set when it has."""
        self._end("node.stopped")
        if self._stack is not None:
            self.host.lifecycle.leaving()
            self._stack.leave.set()

    def crash(self) -> None:
        """Have it go at once and without a word."""
        self._end("node.crashed")
        log = self.host.world.events
        with log.because(log.record("node.crashed", self.host.index, reason="requested")):
            self.host.went_down(crashed=True)
        if self._stack is not None:
            self._stack.abandon()

    def _end(self, kind: str) -> None:
        self._ending, self._cause = kind, self.host.world.events.cause

    async def run(self, born: Callable[[], None], *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        """Live. ``born`` is called, and ``task_status`` told, when the node is up for the first time; what prevents
        that is raised, and nothing else."""
        host, log = self.host, self.host.world.events
        was_up, short_lives = False, 0
        unborn: BaseException | None = None

        def ready() -> None:
            nonlocal was_up
            assert self._stack is not None
            if self._ending:
                return
            host.came_up(self._stack)
            if was_up:
                log.record("node.restarted", host.index, reason="killed by the library", data={"state": "kept"})
            else:
                born()
                task_status.started()
            was_up = True

        try:
            while not self._ending and short_lives < LIVES:
                began = trio.current_time()
                try:
                    self._stack = host.new_stack()
                    await self._stack.run(host.listen, ready)
                except Exception as error:  # noqa: BLE001  # what kills a stack, or keeps it from living
                    if not was_up:
                        unborn = _alone(error)
                        break
                    if self._ending:
                        continue
                    log.record("node.crashed", host.index, reason="killed by the library")
                    host.went_down(crashed=True)
                    for leaf in _leaves(error):
                        host.world.runtime.report(leaf, "the node's stack", host.index, "library")
                    short_lives = short_lives + 1 if trio.current_time() - began < SHORT else 0
            if unborn is not None:
                raise unborn
            if self._ending == "node.stopped":
                host.went_down(crashed=False)
                log.record("node.stopped", host.index, reason="requested", cause=self._cause)
        finally:
            self.over.set()


def _alone(error: BaseException) -> BaseException:
    """The one exception that the library's nurseries have wrapped in groups; or the group, if it has several."""
    leaves = _leaves(error)
    return leaves[0] if len(leaves) == 1 else error


def _leaves(error: BaseException) -> list[BaseException]:
    """The exceptions in a group, at most eight; or the exception itself."""
    waiting: list[BaseException] = [error]
    found: list[BaseException] = []
    while waiting and len(found) < 8:
        link = waiting.pop(0)
        inner = getattr(link, "exceptions", None)
        if inner is None:
            found.append(link)
        else:
            waiting += inner
    return found
