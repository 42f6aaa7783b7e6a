"""The scene of what happens now: it follows the events of a lab, or holds the end of a log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from p2plab.events import Event
from p2plab_widgets.graph.kinds import DUPLICATES, MESH, STRUCTURE, TRAFFIC
from p2plab_widgets.graph.past import scene_at
from p2plab_widgets.graph.scene import Scene
from p2plab_widgets.view import Source

if TYPE_CHECKING:
    from p2plab.events import Follower

# Of the structure every change is kept; so many have to come between two frames before the picture is told that it
# missed some. Of the traffic, the newest is shown.
MAX_CHANGES: Final = 1_000_000
MAX_TRAFFIC: Final = 3_000
MAX_DUPLICATES: Final = 1_000
CUTS: Final = ("network.partition", "network.heal")


class Live:
    """``scene`` as it is once ``catch_up`` was called; ``partitions`` that hold, each a list of sides."""

    def __init__(self, source: Source) -> None:
        self.follows = source.backend != "log"
        self.rests = False
        self._followers: tuple[Follower, ...] = ()
        self._cuts: dict[int, list[list[str]]] = {}
        if self.follows:
            self.scene = Scene(source.events.counts)
            self._follow(source)
        else:
            self.scene = scene_at(source.events.state())

    def rest(self) -> None:
        """Follow no more until ``resume``: nobody looks."""
        self.stop_following()
        self.rests = True

    def resume(self, lab: Any) -> None:
        """Look anew, and follow from here on. Nodes and topics keep their numbers."""
        before, self.scene = self.scene, Scene(lab.events.counts)
        for name in before.names:
            self.scene.know(name)
        for topic in before.topics:
            self.scene.topic_of(topic)
        self.scene.version = before.version + 1  # no page has seen this one
        self._cuts.clear()
        self.rests = False
        self._follow(lab)

    def _follow(self, lab: Any) -> None:
        """Following begins before the first look, so nothing falls between the two; what both see counts once. The
        structure last: a node is then not seen to speak before it is seen to start."""
        log = lab.events
        self._followers = (
            log.follow(DUPLICATES, limit=MAX_DUPLICATES),
            log.follow(TRAFFIC, limit=MAX_TRAFFIC),
            log.follow((*STRUCTURE, *CUTS), limit=MAX_CHANGES),
        )
        nodes = lab.nodes
        self.scene.begin(
            [(str(node), node.running) for node in nodes],
            lab.edges(),
            [(str(node), name) for node in nodes if node.running for name in node.topics()],
            [(name, node.running) for name, node in lab.attached.items()],
        )
        # Meshes from the log, as far as it goes back: asking every node for each of its topics is slow in a large lab.
        past = [event for kind in (*MESH, *CUTS) for event in log.filter(kind=kind)]
        for event in sorted(past, key=lambda event: event.seq):
            self._apply(event)

    @property
    def partitions(self) -> list[list[list[str]]]:
        """Each a list of sides, a side a list of names."""
        return list(self._cuts.values())

    def catch_up(self) -> int:
        """Take in what has happened; how many changes came too fast and are missing."""
        if not self._followers:
            return 0
        *traffic, structure = self._followers
        rows = [row for follower in traffic for row in follower.drain_rows()]
        for event in structure.drain():
            self._apply(event)
        if rows:
            self.scene.speak(sorted(rows, key=lambda row: row[:2]), structure.log)
        return structure.missed

    def _apply(self, event: Event) -> None:
        data = event.data or {}
        if event.kind == "network.partition":
            self._cuts[event.seq] = [list(map(str, side)) for side in data.get("groups", [])]
            self.scene.touch()
        elif event.kind == "network.heal":
            healed = [list(map(str, side)) for side in data.get("groups", [])]
            for seq in [seq for seq, sides in self._cuts.items() if not healed or sides == healed]:
                del self._cuts[seq]
            self.scene.touch()
        else:
            self.scene.apply(event)

    def stop_following(self) -> None:
        """Let the scene stay as it is now."""
        for follower in self._followers:
            follower.close()
        self._followers = ()
