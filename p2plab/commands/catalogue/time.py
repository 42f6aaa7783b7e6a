"""Time: letting it pass, and waiting for something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from p2plab.commands.arguments import About, number
from p2plab.commands.table import command

if TYPE_CHECKING:
    from p2plab.api.aio.lab import AsyncLab

Speed = Annotated[
    float,
    BeforeValidator(number),
    Field(ge=0.001, le=1e6, allow_inf_nan=False),
    About("lab seconds in a second, 0.001 to 1,000,000", "number"),
]


class Now(TypedDict):
    """Seconds of lab time."""

    now: float


class Playing(TypedDict):
    playing: bool
    now: float


@command(examples=["now"])
async def now(lab: AsyncLab) -> Now:
    """Tell the lab's time."""
    return Now(now=lab.now)


@command(verb="play", examples=["play"])
async def play(lab: AsyncLab, speed: Speed = 1.0) -> Playing:
    """Let time pass by itself, at the wall clock's speed or another one; a real lab always does."""
    lab.play(speed)
    return Playing(playing=True, now=lab.now)


@command(verb="pause", worlds="mock", examples=["pause"])
async def pause(lab: AsyncLab) -> Playing:
    """Hold the time of a mock lab that plays."""
    lab.pause()
    return Playing(playing=False, now=lab.now)
