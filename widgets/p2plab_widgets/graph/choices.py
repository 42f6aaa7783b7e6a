"""What can be chosen in a graph, checked; and how a row of names is told."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from p2plab.errors import ValidationError
from p2plab_widgets.graph.layers.beside import LAYERS
from p2plab_widgets.graph.paint import COLOURS
from p2plab_widgets.graph.places import LAYOUTS
from p2plab_widgets.text import shown

__all__ = ["check", "layers_of", "listed"]


def check(**values: object) -> None:
    """ValidationError for what cannot be chosen."""
    for name, value in values.items():
        allowed = {"colour": COLOURS, "layout": LAYOUTS}.get(name)
        if allowed is not None and value not in allowed:
            raise ValidationError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
        if not isinstance(value, str):
            raise ValidationError(f"{name} must be a str, not {value!r}")


def layers_of(layers: object) -> list[str]:
    """The layers in their own order. ValidationError for what is none."""
    if isinstance(layers, str) or not isinstance(layers, Sequence):
        raise ValidationError(f"layers must be a list out of {', '.join(LAYERS)}, not {layers!r}")
    for name in layers:
        if name not in LAYERS:
            near = get_close_matches(str(name), LAYERS, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValidationError(f"there is no layer {name!r}{hint}: take {', '.join(LAYERS)}")
    return [name for name in LAYERS if name in layers]


def listed(names: Sequence[str], most: int = 12) -> str:
    """The names, or the first of them and how many more."""
    first = ", ".join(shown(name) for name in names[:most])
    return f"{first} and {len(names) - most:,} more" if len(names) > most else first
