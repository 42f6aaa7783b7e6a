"""Buttons of one's own: each does a command of the table, or calls a function with the lab, at one click."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from p2plab.commands import parse_line, perform
from p2plab.errors import LabError, ValidationError
from p2plab_widgets.console.log import Log
from p2plab_widgets.console.sentences import sentence_of
from p2plab_widgets.console.worker import Worker
from p2plab_widgets.text import shown

if TYPE_CHECKING:
    from p2plab import Lab

MOST: Final = 60  # buttons
LONGEST: Final = 60  # characters on one
Action = str | Callable[[Any], object]


class Buttons(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no annotations
    """A row of buttons under each heading. What a click does is shown as a line of Python, and what came of it below.

    An action is a command as in ``%p2p`` (``"crash n3"``), or a function that is called with the lab. Actions are
    done one after the other, in a thread of their own, so they may take lab time. ``output`` holds the lines.
    """

    def __init__(self, lab: Lab, actions: Mapping[str, Mapping[str, Action]]) -> None:
        self._lab_of = weakref.ref(lab)
        self._worker = Worker()
        self._actions = _checked(actions)
        self.output = Log()
        rows: list[Any] = []
        for heading, row in actions.items():
            label = ipywidgets.Label(shown(heading, LONGEST))
            rows.append(ipywidgets.Box([label, *map(self._button, row)], layout={"flex_flow": "row wrap"}))
        super().__init__([*rows, self.output])
        self.add_class("p2plab-console")
        self.add_class("p2plab-buttons")

    def press(self, name: str) -> str:
        """Do what a button does, here and now.

        Args:
            name: what is written on it

        Returns:
            What came of it. ValidationError where there is no such button.
        """
        if name not in self._actions:
            raise ValidationError(f"there is no button {name!r}; there are {', '.join(self._actions)}"[:400])
        return self._do(name)

    def _button(self, name: str) -> Any:
        action = self._actions[name]
        hint = action if isinstance(action, str) else (action.__doc__ or "").strip().partition("\n")[0]
        button = ipywidgets.Button(description=shown(name, LONGEST), tooltip=shown(hint, 200))
        button.layout.width = "auto"
        button.on_click(lambda _: self._click(name))
        return button

    def _click(self, name: str) -> None:
        action = self._actions[name]
        if isinstance(action, str) and action.split()[0] in ("play", "pause"):
            self._do(name)  # these need the kernel's loop, which runs this callback; they take no time
        else:
            self._worker.submit(partial(self._work, name))

    def _work(self, name: str) -> None:
        self._do(name)

    def _do(self, name: str) -> str:
        lab, action = self._lab_of(), self._actions[name]
        if lab is None:
            return self._told(("error", "the lab is gone: nothing but these buttons held it"))
        if not isinstance(action, str):
            python = ("python", f"{getattr(action, '__name__', 'action')}(lab)")
            try:
                result = action(lab)
            except Exception as error:  # noqa: BLE001  whatever a function of the user's raises is shown
                return self._told(python, ("error", f"{type(error).__name__}: {error}"))
            return self._told(python, ("result", "done" if result is None else str(result)))
        try:
            command, arguments = parse_line(action, [str(node) for node in lab.nodes])
        except LabError as error:
            return self._told(("error", str(error)))
        answer = perform(lab, command, arguments)
        lines = [("python", answer.python)] if answer.python else []
        if not answer.success:
            return self._told(*lines, ("error", answer.error))
        return self._told(*lines, ("result", sentence_of(command, arguments, answer.result)))

    def _told(self, *lines: tuple[str, str]) -> str:
        return self.output.add(*lines)[-1][1]

    def __repr__(self) -> str:
        return f"<Buttons: {', '.join(self._actions)}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        data = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/plain": repr(self)} if data else data


def _checked(actions: Mapping[str, Mapping[str, Action]]) -> dict[str, Action]:
    """All buttons by what is written on them. ValidationError for what is none, or twice, or too many."""
    found: dict[str, Action] = {}
    if not isinstance(actions, Mapping) or not all(isinstance(row, Mapping) for row in actions.values()):
        raise ValidationError('buttons are given by heading: {"faults": {"Crash n3": "crash n3"}}')
    for row in actions.values():
        for name, action in row.items():
            if not isinstance(name, str) or not name.strip():
                raise ValidationError(f"what is written on a button is text, not {name!r}")
            if name in found:
                raise ValidationError(f"there are two buttons {name!r}")
            if not callable(action) and not (isinstance(action, str) and action.strip()):
                raise ValidationError(
                    f"{name!r} does a command, such as 'crash n3', or calls a function, not {action!r}"
                )
            found[name] = action
    if len(found) > MOST:
        raise ValidationError(f"{len(found)} buttons are more than the {MOST} there may be")
    return found
