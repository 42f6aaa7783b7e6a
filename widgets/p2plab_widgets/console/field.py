"""One argument of a command as a field of a form: what can be typed or chosen, and the value that comes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from p2plab.commands import Parameter
from p2plab.errors import ClosedError
from p2plab_widgets.text import shown

if TYPE_CHECKING:
    from p2plab import Lab

DEFAULT: Final = "(default)"
COMPLETED: Final = (
    *("node", "nodes", "peer", "peer id", "attached"),
    *("topic", "key", "cid", "protocol", "kind", "command", "stream"),
)


def held(lab_of: Callable[[], Lab | None]) -> Lab:
    """The lab of a console, which does not keep it. ClosedError when it is gone."""
    lab = lab_of()
    if lab is None:
        raise ClosedError("the lab is gone: nothing but this console held it")
    return lab


class Field:
    """A field, its name and what it is. ``given`` is whether it holds anything that is to be sent."""

    def __init__(self, parameter: Parameter) -> None:
        self.parameter = parameter
        self.input = _input(parameter)
        self.input.add_class("p2plab-field")
        self.input.add_class(f"p2plab-field-{parameter.name}")
        # A description is a real label: whoever cannot see the form hears it.
        self.input.description = parameter.name + ("" if parameter.required else " (optional)")
        self.input.tooltip = parameter.about.text
        about = ipywidgets.Label(parameter.about.text)
        about.add_class("p2plab-about")
        self.problem = problem()
        self.row = ipywidgets.HBox([self.input, about, self.problem])
        self.row.add_class("p2plab-row")

    def complain(self, text: str) -> None:
        """Say beside it what is wrong with what it holds; nothing with an empty text."""
        say(self.problem, text)

    @property
    def completes(self) -> str:
        """The kind of thing it is completed with, or nothing."""
        return self.parameter.about.kind if isinstance(self.input, ipywidgets.Combobox) else ""

    def offer(self, options: Sequence[str]) -> None:
        """Offer these as completions."""
        if isinstance(self.input, ipywidgets.Combobox) and list(self.input.options) != list(options):
            self.input.options = list(options)

    @property
    def given(self) -> bool:
        """Whether there is something to send; of an argument that is text, an empty one counts where it is needed."""
        value = self.input.value
        if isinstance(self.input, ipywidgets.Dropdown):
            return bool(value != DEFAULT)
        if isinstance(self.input, ipywidgets.Checkbox):
            return bool(value != self.parameter.default)
        return bool(value) or (self.parameter.required and self.parameter.about.kind == "text")

    @property
    def value(self) -> Any:
        """What is sent."""
        return self.input.value


def problem() -> Any:
    """A place for words about what is wrong; not seen while it is empty."""
    made = ipywidgets.Label(layout=ipywidgets.Layout(display="none"))
    made.add_class("p2plab-problem")
    return made


def say(place: Any, text: str) -> None:
    """Put words into such a place, or take them away."""
    place.value = shown(text, 300)
    place.layout.display = "" if text else "none"


def _input(parameter: Parameter) -> Any:
    if parameter.choices:
        options = list(parameter.choices) if parameter.required else [DEFAULT, *parameter.choices]
        return ipywidgets.Dropdown(options=options)
    if parameter.is_flag or parameter.about.kind == "flag":
        return ipywidgets.Checkbox(value=parameter.default is True, indent=False)
    placeholder = "" if parameter.required or parameter.default is None else f"{parameter.default}"
    if parameter.about.kind in COMPLETED:
        return ipywidgets.Combobox(placeholder=placeholder)
    return ipywidgets.Text(placeholder=placeholder)
