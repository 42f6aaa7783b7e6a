"""Running a scenario: a function of a lab, in a fresh lab of its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from p2plab.api.aio.lab import AsyncLab
from p2plab.api.blocking.lab import Lab
from p2plab.errors import NotInThisWorldError, ValidationError
from p2plab.events import EventLog

__all__ = ["Performance", "Scenario", "check_scenario", "name_of", "numbers", "perform", "stopped_at_its_end"]

T = TypeVar("T")
Scenario = Callable[..., Any]
"""``scenario(lab, **parameters)``, plain with a Lab or async with an AsyncLab."""


@dataclass(frozen=True)
class Performance:
    """What came of one run: what the scenario returned or raised, and the lab's events."""

    value: Any
    error: Exception | None
    events: EventLog


def check_scenario(scenario: object) -> Scenario:
    """ValidationError for what cannot be called with a lab."""
    if not callable(scenario):
        raise ValidationError(f"a scenario is a function of a lab, not {scenario!r}")
    return scenario


def name_of(scenario: Scenario) -> str:
    """What to call it."""
    return str(getattr(scenario, "__name__", type(scenario).__name__))


def perform(
    scenario: Scenario, backend: str, seed: int, settings: Mapping[str, Any], parameters: Mapping[str, Any]
) -> Performance:
    """Make a lab, run the scenario in it, and close it. What the scenario raises is in the result."""
    if inspect.iscoroutinefunction(scenario):
        return _in_a_loop(_perform_async(scenario, backend, seed, settings, parameters))
    with Lab(backend, seed=seed, **settings) as lab:
        try:
            return Performance(scenario(lab, **parameters), None, lab.events)
        except Exception as error:  # noqa: BLE001  the scenario's; whoever asked for the run decides
            return Performance(None, error, lab.events)


async def _perform_async(
    scenario: Scenario, backend: str, seed: int, settings: Mapping[str, Any], parameters: Mapping[str, Any]
) -> Performance:
    async with AsyncLab(backend, seed=seed, **settings) as lab:
        try:
            return Performance(await scenario(lab, **parameters), None, lab.events)
        except Exception as error:  # noqa: BLE001  the scenario's; whoever asked for the run decides
            return Performance(None, error, lab.events)


def stopped_at_its_end(
    scenario: Scenario, backend: str, seed: int, settings: Mapping[str, Any], parameters: Mapping[str, Any]
) -> Lab:
    """The lab in which the scenario has run, open: to its end, or to where it raised."""
    if inspect.iscoroutinefunction(scenario):
        if backend != "mock":
            raise NotInThisWorldError(
                "an async scenario's real lab ends with its loop; make one and await the scenario"
            )
        return Lab.replay(_in_a_loop(_history_of(scenario, seed, settings, parameters)))
    lab = Lab(backend, seed=seed, **settings)
    with suppress(Exception):  # whoever opens a run that failed has its error, and wants to see the lab
        scenario(lab, **parameters)
    return lab


async def _history_of(scenario: Scenario, seed: int, settings: Mapping[str, Any], parameters: Mapping[str, Any]) -> Any:
    async with AsyncLab("mock", seed=seed, **settings) as lab:
        with suppress(Exception):  # as above
            await scenario(lab, **parameters)
        return lab.history()


def _in_a_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end: in this thread or, where a loop runs in it (a notebook's), in one of its own."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(main)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, main).result()


def numbers(value: Any) -> dict[str, float]:
    """What a scenario returned as numbers by name; a single one is called ``value``. ValidationError for others."""
    from numbers import Real

    found = dict(value) if isinstance(value, Mapping) else {"value": value}
    for name, number in found.items():
        if not isinstance(name, str) or not isinstance(number, Real):
            raise ValidationError(f"a scenario returns a number or a dict of numbers by name, not {value!r}")
    return {name: number if isinstance(number, int) else float(number) for name, number in found.items()}
