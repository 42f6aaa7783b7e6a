"""``lab.fork``: a second lab that was the same up to a moment, and goes on otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from p2plab.api.backends import make_world
from p2plab.errors import InsideLabError, NotInThisWorldError, ValidationError

if TYPE_CHECKING:
    from p2plab.api.blocking.lab import Lab

__all__ = ["fork"]


def fork(
    lab: Any, at: float | None = None, change: Callable[[Lab], object] | None = None, seed: int | None = None
) -> Lab:
    """The other lab; see ``lab.fork``."""
    from p2plab.api.blocking.lab import Lab
    from p2plab.mock.history.replay import replayed

    if lab.backend != "mock":
        raise NotInThisWorldError("a real lab cannot be forked: its run cannot be made again; take a mock lab")
    if lab.world.driver.inside:
        raise InsideLabError("a lab cannot be forked by code that runs in it; call lab.fork() from outside")
    if at is not None and (isinstance(at, bool) or not isinstance(at, (int, float)) or not 0 <= at <= lab.now):
        raise ValidationError(f"at={at!r}: a moment of the lab's past, from 0 to {lab.now:g} s; left out, now")
    if change is not None and not callable(change):
        raise ValidationError(f"change={change!r}: a function of the second lab, as in lambda lab: lab['n3'].crash()")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise ValidationError(f"seed={seed!r}: a whole number, for the random numbers from there on")
    other = Lab._over(replayed(make_world, lab.history(), at))
    try:
        if seed is not None:
            world: Any = other.world
            world.call(world.reseed, seed)
        if change is not None:
            change(other)
    except BaseException:
        other.close()
        raise
    return other
