"""A form for every command of the table: choose one, fill in its fields, run it, see what came of it."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets

from p2plab.commands import GROUPS, TABLE, About, CommandOutcome, CommandSpec, Parameter, checked, perform
from p2plab.commands.completion import known
from p2plab.errors import LabError, ValidationError
from p2plab_widgets.console.cell import put_into_notebook
from p2plab_widgets.console.field import Field, held
from p2plab_widgets.console.log import Log
from p2plab_widgets.console.result import Result
from p2plab_widgets.console.sentences import sentence_of
from p2plab_widgets.console.worker import Worker

if TYPE_CHECKING:
    from p2plab import Lab

_NODE = Parameter("node", str, About("a node's name; left out: the lab's first", "node"), None)
OWN = "your own"
Done = Callable[[str, str, Mapping[str, Any]], object]  # told of a line of Python, its command and its arguments


class Forms(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no annotations
    """The forms of a lab. What is filled in is checked before it is sent; the line of Python goes into ``output``."""

    def __init__(self, lab: Lab, output: Log, worker: Worker, done: Done = lambda line, name, arguments: None) -> None:
        self._lab_of = weakref.ref(lab)
        self._output = output
        self._worker = worker
        self._done = done
        self._code: list[str] = []  # the lines of Python of what succeeded here
        self.fields: list[Field] = []
        self.group = ipywidgets.Dropdown(options=_groups(), description="subject")
        self.command = ipywidgets.Dropdown(description="command")
        self.summary = ipywidgets.Label()
        self.form = ipywidgets.VBox()
        self.result = Result()
        for name in ("group", "command", "summary", "form"):
            getattr(self, name).add_class(f"p2plab-forms-{name}")
        buttons = [
            self._button("execute", self.execute, "Run", "check what is filled in, and execute the command"),
            self._button("as-cell", self._to_notebook, "As a cell", "what was run here, as a cell of the notebook"),
        ]
        if lab.backend == "mock":
            hint = "everything that was done to this lab, as a cell that does it again in a fresh one"
            buttons.append(self._button("history-cell", self._history_to_notebook, "History as a cell", hint))
        super().__init__(
            [
                _line(self.group, self.command),
                self.summary,
                self.form,
                _line(*buttons),
                self.result,
            ]
        )
        self.add_class("p2plab-forms")
        self.group.observe(lambda _: self._group_chosen(), "value")
        self.command.observe(lambda _: self._command_chosen(), "value")
        self._group_chosen()

    @property
    def _lab(self) -> Lab:
        return held(self._lab_of)

    def _button(self, name: str, action: Callable[[], None], text: str, hint: str) -> Any:
        button = ipywidgets.Button(description=text, tooltip=hint)
        button.add_class(f"p2plab-{name}")
        button.on_click(lambda _: action())
        return button

    # -- choosing

    def choose(self, name: str) -> None:
        """Show the form of a command. ValidationError where there is none of that name."""
        if name not in TABLE:
            raise ValidationError(f"there is no command {name!r}")
        if not TABLE[name].own:
            self.group.value = TABLE[name].group
        else:
            self.group.options = _groups()
            self.group.value = OWN
        self.command.value = name

    @property
    def chosen(self) -> CommandSpec | None:
        """The command whose form is shown."""
        return TABLE.get(self.command.value or "")

    def _group_chosen(self) -> None:
        names = [
            command.name
            for command in TABLE.values()
            if (OWN if command.own else command.group) == self.group.value
            and command.worlds in ("both", self._lab.backend)
        ]
        self.command.options = names
        self.command.value = names[0] if names else None

    def _command_chosen(self) -> None:
        command = self.chosen
        if command is None:
            self.fields, self.summary.value, self.form.children = [], "", ()
            return
        own = (_NODE,) if command.scope == "node" else ()
        self.fields = [Field(parameter) for parameter in (*own, *command.parameters)]
        self.summary.value = " ".join([command.summary, *command.text.split()])
        self.form.children = tuple(field.row for field in self.fields)
        self._worker.submit(self.refresh)

    def refresh(self) -> None:
        """Offer what the lab knows by now as completions."""
        lab = self._lab_of()
        if lab is None or lab.closed:
            return
        try:
            for field in self.fields:
                if field.completes:
                    field.offer(known(field.completes, lab))
        except LabError as error:  # closed meanwhile
            self._output.add(("note", f"nothing to complete with: {error}"))

    # -- executing

    @property
    def arguments(self) -> dict[str, Any]:
        """What is filled in."""
        return {field.parameter.name: field.value for field in self.fields if field.given}

    def execute(self) -> None:
        """Check what is filled in, and hand the command over."""
        command, lab = self.chosen, self._lab_of()
        if command is None:
            return
        if lab is None:
            self.result.refuse("the lab is gone: nothing but this console held it")
            return
        arguments = self.arguments
        try:
            checked(command, {name: value for name, value in arguments.items() if name != "node"}, self._lab.world)
        except ValidationError as error:
            self._complain(str(error))
            return
        self._complain("")
        if command.name == "play":  # it needs the kernel's loop, which runs this callback; it takes no time
            self._perform(command.name, arguments)
        else:
            self._worker.submit(lambda: self._perform(command.name, arguments))

    def _complain(self, why: str) -> None:
        """Say what is wrong beside the fields it is about, and below what is about none of them."""
        said = why.partition(": ")[2] or why
        for field in self.fields:
            name = re.compile(rf"\b{re.escape(field.parameter.name)}\b")
            field.complain("; ".join(part for part in said.split("; ") if name.search(part)))
        if why:
            self.result.refuse(why)

    def _perform(self, name: str, arguments: dict[str, Any]) -> None:
        answer = perform(self._lab, name, arguments)
        self.result.show(answer)
        self._output.add(*_lines(answer, arguments))
        self._done(answer.python, name, arguments)
        if answer.success:
            self._code.append(answer.python)
        self.refresh()

    def _to_notebook(self) -> None:
        self._output.add(put_into_notebook("\n".join(self._code)))

    def _history_to_notebook(self) -> None:
        def put() -> None:
            answer = perform(self._lab, "history", {})
            line = put_into_notebook(answer.result["code"]) if answer.success else ("error", answer.error)
            self._output.add(line)

        self._worker.submit(put)

    def __repr__(self) -> str:
        return f"<Forms: {self.command.value}>"


def _lines(answer: CommandOutcome, arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
    python = [("python", answer.python)] if answer.python else []
    if not answer.success:
        return [*python, ("error", answer.error)]
    return [*python, ("result", sentence_of(answer.envelope["command"], arguments, answer.result))]


def _groups() -> list[tuple[str, str]]:
    own = [("Your own", OWN)] if any(command.own for command in TABLE.values()) else []
    return [(title.rstrip("."), group) for group, title in GROUPS.items()] + own


def _line(*widgets: Any) -> Any:
    row = ipywidgets.HBox(list(widgets))
    row.add_class("p2plab-row")
    return row
