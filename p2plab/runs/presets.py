"""``lab.compare_presets``: one scenario with the GossipSub parameters of several implementations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from p2plab.errors import ValidationError
from p2plab.errors.checked import list_of
from p2plab.pubsub import GossipSubParams
from p2plab.runs.sweep import sweep
from p2plab.runs.table import SweepTable

__all__ = ["compare_presets"]


def compare_presets(
    scenario: Callable[..., Any],
    presets: Sequence[str],
    seeds: Iterable[int],
    backend: str,
    settings: Mapping[str, Any],
    parameters: Mapping[str, Any],
) -> SweepTable:
    """A sweep over presets, in labs of this backend and with these settings. ValidationError for a preset there is
    not, and for a parameter of that name."""
    if "gossipsub" in parameters:
        raise ValidationError("compare_presets chooses gossipsub itself; p2plab.sweep takes any parameters")
    grid = {"gossipsub": [GossipSubParams.named(name) for name in list_of(presets, "presets", "['go', 'rust']")]}
    others = {name: value for name, value in settings.items() if name not in ("gossipsub", "home")}
    return sweep(
        scenario,
        seeds,
        {**grid, **{name: [value] for name, value in parameters.items()}},
        backend=backend,
        progress=False,
        **others,
    )
