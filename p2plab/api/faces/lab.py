"""What both faces of a lab share: all that takes no lab time."""

from __future__ import annotations

from collections.abc import Callable, Sized
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, cast

from p2plab.api.backends import make_world
from p2plab.api.faces.asking import LabAsking
from p2plab.api.faces.basis import N
from p2plab.api.faces.keeping import LabKeeping
from p2plab.api.faces.outside import LabOutside
from p2plab.api.faces.schedule import LabSchedule
from p2plab.api.faces.starting import LabStarting
from p2plab.errors.frames import UnknownVerbError
from p2plab.progress import is_seen, watched
from p2plab.worlds import World

if TYPE_CHECKING:
    from typing_extensions import Self

    from p2plab.api.faces.roles import LabRoles
    from p2plab.exports import Capture
    from p2plab.mock.world import MockWorld

__all__ = ["LabFace"]


class LabFace(LabStarting[N], LabSchedule[N], LabKeeping[N], LabAsking[N], LabOutside[N]):
    """What both faces of a lab share: all that takes no lab time."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._captures: list[Capture] = []
        # What writes a run to a file makes faces over names that stand for a world.
        events = getattr(world, "events", None)
        if events is not None and world.backend == "mock" and events.scores_at is None:
            from p2plab.mock.history.scores import scores_then

            events.scores_at = scores_then(cast("MockWorld", world), make_world)

    @classmethod
    def _over(cls, world: World) -> Self:
        """The face of a lab that is there already."""
        lab = cls.__new__(cls)
        LabFace.__init__(lab, world)
        return lab

    @property
    def roles(self) -> LabRoles:
        """The table of what nodes are there for: to be read (``lab.roles["pinner"]``) and changed (``define``,
        ``change``)."""
        from p2plab.api.faces.roles import LabRoles

        return LabRoles(self._world)

    @property
    def network(self) -> Any:
        """Links, bandwidths and faults: a mock lab's ``SimulatedNetwork``; of a real one what its transports allow
        (``p2plab.real.network``), in the same words."""
        world: Any = self._world
        return world.network

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Called for a name that there is not. Of one that a node has it says where the node is."""
            if not name.startswith("_") and name in self._world.hosts():
                text = f"{type(self).__name__!r} object has no attribute {name!r}"
                raise UnknownVerbError(f"{text}; the node is lab[{name!r}]")
            return super().__getattr__(name)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self)._over, (self._world,)

    def _watched(self, what: str, total: float, counted: Callable[[], Sized]) -> AbstractContextManager[None]:
        """While something long is under way, show how many more there are of what is counted."""
        before = len(counted()) if is_seen() else 0
        return watched(what, total, lambda: len(counted()) - before)

    def _time_passes(self, seconds: float | None) -> AbstractContextManager[None]:
        """While lab time passes, show how much of it has."""
        before = self.now
        return watched("running", seconds, lambda: self.now - before, " s of lab time")
