"""The short list of what only one of a lab's two faces has. All else is in both: declared in ``p2plab.api.aio``, or in
``LabFace`` where it takes no lab time.

``Lab`` alone replays, restores, forks, checks and compares, because these make labs and run them to an end; has
``aio``, the way to the other face; and shows the console, whose buttons block. ``AsyncLab`` alone has ``sleep``, for
tasks of which others go on meanwhile, and ``blocking``, the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast, overload

from p2plab.api.aio.node import AsyncNode
from p2plab.api.arguments import check_seconds
from p2plab.api.backends import make_world
from p2plab.api.blocking.node import Node
from p2plab.api.faces.lab import LabFace
from p2plab.errors import ValidationError
from p2plab.errors.checked import list_of

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

    from p2plab.api.aio.lab import AsyncLab
    from p2plab.api.blocking.lab import Lab
    from p2plab.mock.history.history import History
    from p2plab.mock.history.snapshot import Snapshot
    from p2plab.runs import Agreement, Comparison, SweepTable
    from p2plab.runs.differences import Differences

__all__ = ["AsyncLabOnly", "LabOnly"]


class LabOnly(LabFace[Node]):
    """What ``Lab`` has and ``AsyncLab`` has not."""

    _node_type = Node
    _aio: AsyncLab | None = None

    @classmethod
    def replay(
        cls,
        history: History,
        until: float | None = None,
        watch: Callable[[Self], None] | None = None,
        every: float = 1.0,
    ) -> Self:
        """Make a new mock lab in which everything that a history tells has been done again, each command at exactly its
        place.

        Args:
            history: what ``lab.history()`` gave
            until: seconds of lab time at which to stop; left out, the history's end
            watch: called with the lab on the way, at 0 and every ``every`` seconds of lab time; it may look at
                anything and must not act, for what it did would not be part of the history
            every: seconds of lab time

        Raises:
            SnapshotError: it says what cannot be done again.
        """
        from p2plab.mock.history.replay import replayed

        if watch is not None and not callable(watch):
            raise ValidationError(f"watch is a function of the lab, not {watch!r}")
        look = None if watch is None else lambda world: watch(cls._over(world))
        return cls._over(replayed(make_world, history, until, look, every))

    @classmethod
    def restore(cls, snapshot: Snapshot | str | Path | bytes) -> Self:
        """Give the lab of a snapshot; it goes on as that would have, with the same digest.

        It runs code that is in the snapshot: restore only what you trust.

        Args:
            snapshot: what ``lab.snapshot()`` gave, or the file it was saved to

        Raises:
            SnapshotError: it is none, is of another version, or does not come out the same.
        """
        from p2plab.mock.history.snapshot import restored

        return cls._over(restored(make_world, snapshot))

    def check(self, scenario: Callable[..., Any], **parameters: Any) -> Agreement:
        """Run a scenario twice, in fresh labs with this one's seed and settings, and compare event for event.

        Args:
            scenario: a function ``scenario(lab, **parameters)``
            parameters: what it is called with

        Raises:
            DivergenceError: it shows the first event at which the two runs part.

        Example:
            >>> def scenario(lab):
            ...     first, second = lab.start_nodes(2)
            ...     first.connect(second)
            >>> lab.check(scenario).events
            137
        """
        self._simulated("lab.check", "two real runs are never the same")
        agreement: Agreement = self._runs.check(scenario, self.seed, self._world.settings, parameters)
        return agreement

    def fork(
        self, at: float | None = None, change: Callable[[Lab], object] | None = None, seed: int | None = None
    ) -> Lab:
        """Make a second lab that was the same up to a moment, and goes on otherwise; this one stays as it is.

        Args:
            at: seconds of lab time, in the past; left out, now
            change: a function of the second lab, called at that moment: ``lambda lab: lab["n3"].crash()``
            seed: of the second lab's random numbers from there on; left out, they are the same

        Returns:
            The second lab; ``lab.compare(second)`` says how the two differ.

        Raises:
            ValidationError: a moment that is not in the past.
            NotInThisWorldError: in a real lab, whose run cannot be made again.
            SnapshotError: it says what cannot be done again.

        Example:
            >>> other = lab.fork(change=lambda lab: lab["carol"].crash())
            >>> other["carol"].running, lab["carol"].running
            (False, True)
        """
        other: Lab = self._runs.fork(self, at, change, seed)
        return other

    def compare_presets(
        self,
        scenario: Callable[..., Any],
        presets: Sequence[str] | None = None,
        seeds: Iterable[int] = range(10),
        **parameters: Any,
    ) -> SweepTable:
        """Run a scenario with the GossipSub parameters of several implementations, over several seeds.

        Args:
            scenario: a function of a lab that returns a number or a dict of numbers, as in ``p2plab.sweep``
            presets: names of presets, such as ``["go", "rust"]``; left out, all of ``GossipSubParams.presets()``
            seeds: the seeds of the runs
            parameters: what the scenario takes beside the lab

        Returns:
            A table of means with intervals, a row for each preset. Its labs have the settings of this one.

        Raises:
            ValidationError: no scenario, or no such preset.
        """
        from p2plab.pubsub import GossipSubParams

        names = list_of(GossipSubParams.presets().keys() if presets is None else presets, "presets", "['go', 'rust']")
        table: SweepTable = self._runs.compare_presets(
            scenario, names, seeds, self.backend, self._world.settings, parameters
        )
        return table

    @overload
    def compare(self, scenario: LabFace[Any]) -> Differences: ...

    @overload
    def compare(self, scenario: Callable[..., Any], **parameters: Any) -> Comparison: ...

    def compare(self, scenario: Callable[..., Any] | LabFace[Any], **parameters: Any) -> Comparison | Differences:
        """Run a scenario in a mock lab and in a real one side by side, or compare this lab with another one.

        Args:
            scenario: a function ``scenario(lab, **parameters)``, which may return numbers; or a lab, such as one that
                ``fork`` gave
            parameters: what the scenario is called with

        Returns:
            Of a scenario a Comparison: the numbers that it returned, and what the event logs say was delivered, how
            fast, how often twice, and what lookups took. Of a lab Differences: the first event at which the two part,
            and the same figures of both.

        Example:
            >>> other = lab.fork()
            >>> carol.crash()
            >>> lab.compare(other).same
            False
        """
        if isinstance(scenario, LabFace):
            found: Differences = self._runs.differences(self.events, scenario.events)
            return found
        compared: Comparison = self._runs.compare(scenario, self.seed, self._world.settings, parameters)
        return compared

    @property
    def aio(self) -> AsyncLab:
        """The same lab with verbs to be awaited: for handlers, and for cells that ``await``."""
        if self._aio is None:
            from p2plab.api.aio.lab import AsyncLab

            self._aio = AsyncLab._over(self._world)
        return self._aio

    # -- pictures

    def console(self, **options: Any) -> Any:
        """Show buttons and forms for the verbs, a widget.

        Args:
            options: see ``p2plab.widgets.Console``

        Example:
            >>> lab.console(node="alice")
            <Console, mock: 3 nodes>
        """
        from p2plab.widgets import Console

        return Console(cast("Lab", self), **options)


class AsyncLabOnly(LabFace[AsyncNode]):
    """What ``AsyncLab`` has and ``Lab`` has not."""

    _node_type = AsyncNode

    @property
    def blocking(self) -> Lab:
        """The same lab with verbs that block: for magics, consoles, and cells that do not ``await``."""
        from p2plab.api.blocking.lab import Lab

        return Lab._over(self._world)

    async def sleep(self, seconds: float) -> None:
        """Let lab time pass for this task; others go on meanwhile.

        Args:
            seconds: how much lab time
        """
        await self._world.arun(self._world.sleep, check_seconds(seconds, "sleep"))
