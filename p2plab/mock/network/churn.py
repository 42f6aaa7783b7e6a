"""``lab.network.churn``: nodes that come and go."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p2plab.errors import ValidationError
from p2plab.mock.network.names import Names
from p2plab.mock.runtime import TickTimer, to_ticks
from p2plab.network import Change, Churn, load_trace
from p2plab.network.churn import MODELS
from p2plab.typing import Chance

if TYPE_CHECKING:
    from p2plab.mock.world import MockWorld


class Timers:
    """Calls that are still to come, to be cancelled together."""

    def __init__(self, world: MockWorld) -> None:
        self._world = world
        self.made_by = -1  # the command
        self._timers: list[TickTimer] = []
        self._cancelled = False

    def __repr__(self) -> str:
        return f"<Timers: {sum(timer.pending for timer in self._timers)} to come>"

    def add(self, timer: TickTimer) -> None:
        """One more; cancelled at once where the others have been."""
        self._timers = [other for other in self._timers if other.pending]
        self._timers.append(timer)
        if self._cancelled:
            timer.cancel()

    def cancel(self) -> None:
        """Make none of them happen."""
        self._world.call(self._cancel)

    def _cancel(self) -> None:
        self._cancelled = True
        for timer in self._timers:
            timer.cancel()


class ChurnVerbs(Names):
    """Coming and going by a model or a trace."""

    def churn(self, model: str | Path = "exponential", nodes: Sequence[Any] | None = None, **settings: Any) -> Timers:
        """Let nodes come and go from now on, by a model or by a trace.

        Args:
            model: how sessions' lengths are spread, ``exponential`` or ``weibull``; or the path of a trace, a file of
                lines ``time,node,up|down``
            nodes: only these nodes; left out, all
            settings: of a model, ``up`` and ``down`` (mean seconds) and for Weibull a ``shape``; ``silent=True`` and
                ``state="lost"`` are passed on to crash and restart

        Returns:
            Timers, whose ``cancel()`` ends it.
        """
        faults = {"silent": bool(settings.pop("silent", False)), "state": str(settings.pop("state", "kept"))}
        hosts = (
            self._world.all_hosts() if nodes is None else [self._host(name) for name in self._names(nodes, "nodes=")]
        )
        if str(model) in MODELS:
            unknown = sorted(settings.keys() - {"up", "down", "shape"})
            if unknown:
                raise ValidationError(
                    f"churn has no setting {unknown[0]!r}; it takes up, down, shape, silent and state"
                )
            plan: Churn | list[Change] = Churn(model=str(model), **settings)
        elif str(model).endswith((".csv", ".txt", ".trace")):
            plan = load_trace(model)
            for change in plan:
                self._name(change.node)
        else:
            raise ValidationError(f"churn model {str(model)!r}: take {', '.join(MODELS)} or the path of a .csv trace")
        return self._world.call(self._churn, [host.name for host in hosts], plan, faults)

    def _churn(self, nodes: list[str], plan: Churn | list[Change], faults: dict[str, Any]) -> Timers:
        timers = Timers(self._world)
        if isinstance(plan, Churn):
            for name in nodes:
                self._next_change(name, plan, self._world.draws.stream(f"churn/{name}"), faults, timers)
        else:
            for change in plan:
                if to_ticks(change.time) >= self._world.clock.now:
                    action = partial(self._change, change.node, change.up, faults)
                    timers.add(self._world.runtime.timer(change.time - self._world.now, action))
        return timers

    def _next_change(self, name: str, plan: Churn, draw: Chance, faults: dict[str, Any], timers: Timers) -> None:
        up = self._host(name).running

        def change() -> None:
            self._change(name, not up, faults)
            self._next_change(name, plan, draw, faults, timers)

        timers.add(self._world.runtime.timer(plan.draw(plan.up if up else plan.down, draw), change))

    def _change(self, name: str, up: bool, faults: dict[str, Any]) -> None:
        host = self._host(name)
        if host.running != up:
            if up:
                host.restart(faults["state"])
            else:
                host.crash(faults["silent"])
