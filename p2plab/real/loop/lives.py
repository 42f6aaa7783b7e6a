"""The lives of a lab's nodes: who is started, stopped, crashed and brought back, each by a supervisor of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import trio

from p2plab.host.names import Roster
from p2plab.real.basis import RealBasis
from p2plab.real.host import RealHost
from p2plab.real.loop.open_files import told_by_labs
from p2plab.real.loop.runtime import TrioRuntime
from p2plab.real.loop.supervisor import Supervisor

__all__ = ["Lives"]


class Lives:
    """A Supervisor a node, by the node's name. ``roster`` is told who there is."""

    def __init__(self, nursery: trio.Nursery, runtime: TrioRuntime, roster: Roster[RealHost]) -> None:
        self._nursery = nursery
        self._runtime = runtime
        self._roster = roster
        self._by_name: dict[str, Supervisor] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def host(self, name: str) -> RealHost:
        """The node of this name."""
        return self._by_name[name].host

    def hosts(self) -> dict[str, RealHost]:
        """All nodes by name; for any thread."""
        return {name: supervisor.host for name, supervisor in list(self._by_name.items())}

    async def begin(self, hosts: Sequence[RealHost], born: Callable[[RealHost], None]) -> None:
        """Start nodes together; ``born`` is called for each that is up. Raises what the first one failed with, when the
        others are up."""
        starting = [Supervisor(host) for host in hosts]
        # In the order asked for, before any of them is up: that is the order in which they are listed.
        for supervisor in starting:
            self._by_name[supervisor.host.name] = supervisor
            self._roster.add(supervisor.host)
            if supervisor.host.world.looks_after_reachability:
                supervisor.host.look_after_reachability()
        failures: list[Exception] = []

        async def start(supervisor: Supervisor) -> None:
            host = supervisor.host
            try:
                await self._nursery.start(supervisor.run, partial(born, host))
            except Exception as error:  # noqa: BLE001  # raised below, when the others are up
                failures.append(error)
                self._by_name.pop(host.name, None)
                self._roster.remove(host)
                host.ports.release()
                host.went_down(crashed=False)

        async with trio.open_nursery() as nursery:
            for supervisor in starting:
                nursery.start_soon(start, supervisor)
        if failures:
            with told_by_labs():
                raise failures[0]

    async def stop(self, host: RealBasis) -> None:
        """Stop a node, and wait until nothing of it is left."""
        supervisor = self._by_name[host.name]
        supervisor.stop()
        await supervisor.over.wait()

    def crash(self, host: RealBasis) -> None:
        """End a node without a goodbye."""
        self._by_name[host.name].crash()

    def begin_again(self, host: RealBasis, born: Callable[[], None]) -> None:
        """Give a node that was stopped or crashed a new life."""
        before = self._by_name[host.name]
        supervisor = self._by_name[host.name] = Supervisor(before.host)

        async def live() -> None:
            await before.over.wait()  # its port is free again only then
            try:
                await supervisor.run(born)
            except Exception as error:  # noqa: BLE001  # nobody waits for it
                before.host.went_down(crashed=True)
                self._runtime.report(error, f"{host.name} coming back", host.index, "library")

        self._nursery.start_soon(live)

    def over(self) -> None:
        """Give back what the nodes held outside of memory, once none of them runs."""
        for supervisor in self._by_name.values():
            supervisor.host.ports.release()
