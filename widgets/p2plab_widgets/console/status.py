"""The console's head: which lab it is, how many nodes run, what time it is there, and whether time passes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from p2plab.text import plural

if TYPE_CHECKING:
    from p2plab import Lab

_HERE = Path(__file__).parent


class StatusLine(anywidget.AnyWidget):
    """``said`` is what is shown: world, nodes, time, state."""

    _esm = (_HERE / "status.js").read_text(encoding="utf-8")

    said: Any = traitlets.Dict().tag(sync=True)

    def __init__(self, lab: Lab) -> None:
        super().__init__(said=said_of(lab))

    def look(self, lab: Lab) -> bool:
        """Show how the lab is now; whether that is something else than before."""
        said = said_of(lab)
        if said == self.said:
            return False
        self.said = said
        return True

    def __repr__(self) -> str:
        return f"<Status: {', '.join(str(part) for part in self.said.values() if part)}>"


def said_of(lab: Lab) -> dict[str, str]:
    """The words for a lab. A real one's time goes on by itself: it is not told, so that nothing has to be sent."""
    if lab.closed:
        return {"world": lab.backend, "nodes": "", "time": "", "state": "closed"}
    running = sum(node.running for node in lab.nodes)
    down = len(lab.nodes) - running
    nodes = plural(running, "node") + (f", {down} down" if down else "")
    if lab.backend != "mock":
        return {"world": lab.backend, "nodes": nodes, "time": "", "state": "always runs"}
    pace = lab.pace
    state = "time stands still" if pace is None else f"plays at {pace:g}×"
    return {"world": lab.backend, "nodes": nodes, "time": f"{lab.now:.2f} s", "state": state}
