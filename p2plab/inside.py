"""Which lab, if any, the running code is inside of: set by a world around everything it runs for the lab.

It is kept per thread, because a mock lab is moved by whichever thread waits for it and a real one has its own.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from p2plab.errors import InsideLabError
from p2plab.errors.frames import faced

if TYPE_CHECKING:
    from p2plab.worlds import World

__all__ = ["current_world", "set_current_world", "sleep", "would_block"]

# What a user wrote for a verb of a world, a queue or a stream, and what waits for the same thing inside the lab.
WAYS_ROUND = {
    "sleep": ("lab.run", "await p2plab.sleep(seconds)"),
    "until": ("lab.run_until", "await lab.aio.run_until(condition)"),
    "start_nodes": ("starting a node", "await lab.aio.start_node(name)"),
    "wire": ("lab.wire", "await lab.aio.wire(...)"),
    "receive": ("a subscription's get", "await stream.node.subscribe(topic).get()"),
}
STREAM_VERBS = ("read", "write", "close", "reset")


class _Inside(threading.local):
    world: World | None = None


_inside = _Inside()


def current_world() -> World | None:
    """The world whose code this thread runs right now."""
    return _inside.world


def set_current_world(world: World | None) -> World | None:
    """For worlds only: enter (or leave, with what was returned); returns the one before."""
    before, _inside.world = _inside.world, world
    return before


def would_block(verb: str) -> InsideLabError:
    """For worlds only: the error of a verb that was called, to block, inside the lab."""
    name, way = WAYS_ROUND.get(verb, (verb, f"await stream.node.{verb}(...), or await lab.aio[name].{verb}(...)"))
    if verb.startswith(STREAM_VERBS):
        name, way = f"a stream's {verb}", f"await stream.{verb}(...) of the handler's stream, or stream.aio.{verb}(...)"
    return InsideLabError(
        f"{name} would wait for the lab from inside it; in a handler, validator or scheduled action write '{way}', "
        "in an async function"
    )


@faced
async def sleep(seconds: float) -> None:
    """Wait inside the lab, in a handler, a validator or a scheduled action: ``seconds`` of lab time.

    Outside a lab it raises InsideLabError: there, ``lab.run(seconds)`` or ``await lab.sleep(seconds)`` let time pass.
    """
    world = _inside.world
    if world is None:
        raise InsideLabError(
            "p2plab.sleep waits inside a lab (in a handler, a validator, an action of lab.at); "
            "outside, let time pass with lab.run(seconds), or await lab.sleep(seconds) with an AsyncLab"
        )
    await world.runtime.sleep(seconds)
