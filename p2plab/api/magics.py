"""``%p2p`` and ``%%p2p``: commands in notebook cells. ``%load_ext p2plab`` brings them.

``%p2p connect alice bob`` executes one command, a cell that begins with ``%%p2p`` a whole script. Both work on the lab
that the notebook calls ``lab``, else on the only one it has, else on the default lab; ``-l NAME`` names another. What
fails is one line of error, and the cell has failed. The Tab key completes.
"""

from __future__ import annotations

import html
import re
from typing import Any, Final

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from p2plab.api.aio.lab import AsyncLab
from p2plab.api.blocking.lab import Lab
from p2plab.api.default import default_lab
from p2plab.api.faces.lab import LabFace
from p2plab.commands import CommandOutcome, parse_line, perform
from p2plab.commands.completion import complete, last_word
from p2plab.commands.scripts.scenario import Report, Scenario
from p2plab.errors import LabError
from p2plab.text import html_page, svg_face

__all__ = ["P2pMagic", "Shown", "load"]

_LAB: Final = re.compile(r"\s*-l\s+([A-Za-z_]\w*)\s*(.*)", re.DOTALL)
_WRITTEN: Final = re.compile(r"\s*%p2p\s+(.*)", re.DOTALL)


class Shown:
    """What a command or a script gave, as a cell shows it. ``result`` is the command's result, in plain JSON."""

    def __init__(self, what: CommandOutcome | Report) -> None:
        self._what = what

    @property
    def result(self) -> Any:
        """The result of a command; of a script, what became of each step."""
        return self._what.result if isinstance(self._what, CommandOutcome) else self._what.to_dict()

    def __getitem__(self, key: Any) -> Any:
        return self.result[key]

    def __repr__(self) -> str:
        return str(self._what)

    def _repr_html_(self) -> str:
        return html_page(f"<pre>{html.escape(str(self._what))}</pre>")

    def _repr_svg_(self) -> str | None:
        return (isinstance(self._what, CommandOutcome) and svg_face(self._what.picture)) or None


class P2pMagic:
    """The magic, for one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell

    def __call__(self, line: str, cell: str | None = None) -> Shown:
        name, line = self._lab_named(line)
        try:
            lab = self.lab(name)
            return self._run(lab, line, cell) if cell is not None else self._execute(lab, line)
        except LabError as error:
            raise UsageError(f"{type(error).__name__}: {error}") from None

    def _execute(self, lab: Lab, line: str) -> Shown:
        name, arguments = parse_line(line.strip() or "help", [node.name for node in lab.nodes])
        answer = perform(lab, name, arguments)
        if not answer.success:
            raise UsageError(answer.error)
        return Shown(answer)

    def _run(self, lab: Lab, line: str, cell: str) -> Shown:
        scenario = Scenario.parse(cell, line.strip() or "script")
        if scenario.lab:
            raise UsageError("a cell runs in the lab there is: leave the script's line 'lab ...' out; Lab(...) sets it")
        report = scenario.run(lab)
        if not report.passed:
            raise UsageError(str(report))
        return Shown(report)

    def lab(self, name: str = "") -> Lab:
        """The lab that is meant, with verbs that block."""
        names = self._shell.user_ns
        if name:
            found = names.get(name)
            if not isinstance(found, LabFace):
                raise UsageError(f"-l {name}: {name} is no lab")
            return _blocking(found)
        if isinstance(names.get("lab"), LabFace) and not names["lab"].closed:
            return _blocking(names["lab"])
        others = {id(one.world): one for one in list(names.values()) if isinstance(one, LabFace) and not one.closed}
        return _blocking(next(iter(others.values()))) if len(others) == 1 else default_lab()

    @staticmethod
    def _lab_named(line: str) -> tuple[str, str]:
        found = _LAB.fullmatch(line)
        return (found[1], found[2]) if found else ("", line)

    # -- completion

    def matcher(self) -> Any:
        """For IPython: completes lines of the magic, and lines of its cells."""

        @context_matcher(identifier="p2plab")  # type: ignore[untyped-decorator]  # IPython's own
        def match(context: CompletionContext) -> SimpleMatcherResult:
            found = self.completions(context)
            if found is None:
                return {"completions": []}
            return {"completions": [SimpleCompletion(text) for text in found], "suppress": True, "ordered": True}

        return match

    def completions(self, context: CompletionContext) -> list[str] | None:
        """What the word at the cursor could become, as IPython replaces it; None where this is no line of ours."""
        lines = context.full_text.splitlines() or [""]
        line = lines[min(context.cursor_line, len(lines) - 1)][: context.cursor_position]
        written = _WRITTEN.match(line)
        if written:
            line = written[1]
        elif not (lines[0].startswith("%%p2p") and context.cursor_line > 0):
            return None
        name, line = self._lab_named(line)
        line = re.sub(r"^\s*(@\S+\s+)?(- )?(expect\s.*)?", "", line)
        try:
            options = complete(line, self._lab_or_none(name))
        except LabError:
            return []
        # What IPython replaces may be shorter than our word, such as the b of nodes=a,b.
        ahead = max(0, len(last_word(line)) - len(context.token))
        return [option[ahead:] for option in options]

    def _lab_or_none(self, name: str) -> Lab | None:
        """The lab, if there is one already: completing must not start one."""
        names = self._shell.user_ns
        if name or any(isinstance(one, LabFace) and not one.closed for one in list(names.values())):
            try:
                return self.lab(name)
            except UsageError:
                return None
        return None


def _blocking(lab: LabFace[Any]) -> Lab:
    if isinstance(lab, AsyncLab):
        return lab.blocking
    assert isinstance(lab, Lab)
    return lab


def load(shell: InteractiveShell) -> None:
    """Give a shell the magics and their completion; again changes nothing."""
    if "p2p" in shell.magics_manager.magics["line"]:
        return
    magic = P2pMagic(shell)
    shell.magics_manager.register_function(magic, magic_kind="line_cell", magic_name="p2p")
    shell.Completer.custom_matchers.append(magic.matcher())
