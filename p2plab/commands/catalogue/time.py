"""Time: letting it pass, and waiting for something."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from p2plab.commands.arguments import About, Count, Seconds, number
from p2plab.commands.table import command
from p2plab.commands.verbs import LabVerbs, finished

Speed = Annotated[
    float,
    BeforeValidator(number),
    Field(ge=0.001, le=1e6, allow_inf_nan=False),
    About("lab seconds in a second, 0.001 to 1,000,000", "number"),
]


class Now(TypedDict):
    """Seconds of lab time."""

    now: float


class Stepped(TypedDict):
    steps: int
    now: float


class Playing(TypedDict):
    playing: bool
    now: float


@command(examples=["now"])
async def now(lab: LabVerbs) -> Now:
    """Tell the lab's time."""
    return Now(now=lab.now)


@command(verb="run", examples=["run 0.5", "run 200ms"])
async def run(lab: LabVerbs, seconds: Seconds) -> Now:
    """Let time pass."""
    await finished(lab.run(seconds))
    return Now(now=lab.now)


@command(verb="step", worlds="mock", examples=["step", "step count=10"])
async def step(lab: LabVerbs, count: Annotated[Count, About("how many", "number")] = 1) -> Stepped:
    """Let the next events happen, one or more."""
    return Stepped(steps=await finished(lab.step(count)), now=lab.now)


@command(verb="play", examples=["play"])
async def play(lab: LabVerbs, speed: Speed = 1.0) -> Playing:
    """Let time pass by itself, at the wall clock's speed or another one; a real lab always does."""
    lab.play(speed)
    return Playing(playing=True, now=lab.now)


@command(verb="pause", worlds="mock", examples=["pause"])
async def pause(lab: LabVerbs) -> Playing:
    """Hold the time of a mock lab that plays."""
    lab.pause()
    return Playing(playing=False, now=lab.now)
