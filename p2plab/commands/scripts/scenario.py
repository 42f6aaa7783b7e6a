"""Scenarios: commands with times, and expectations that pass or fail with a reason.

A scenario is written as lines (``.p2p``), as YAML or in Python; it runs in a mock or a real lab, blocking or awaited,
and, being a function of a lab, in a sweep or a check::

    lab mock seed=7
    start_nodes 20
    wire random degree=4
    subscribe n3 news
    @5s publish n0 news hello
    expect delivered >= 0.99 within 5s
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from p2plab.commands.execution import perform_async
from p2plab.commands.running import driven, finished
from p2plab.commands.scripts.measures import MeasuredLab, ScenarioTraffic
from p2plab.commands.scripts.steps import MOST_STEPS, Step, header_of, step_of, steps_of_text
from p2plab.commands.text import as_text
from p2plab.errors import MissingExtraError, ValidationError
from p2plab.errors.checked import path_of
from p2plab.progress import watched
from p2plab.text import plural

if TYPE_CHECKING:
    from p2plab.api.aio.lab import AsyncLab
    from p2plab.api.blocking.lab import Lab

__all__ = ["Report", "Scenario", "StepReport"]

PASSED: Final = "PASSED"
FAILED: Final = "FAILED"
SKIPPED: Final = "SKIPPED"
_KNOWN: Final = ("name", "lab", "steps")


@dataclass(frozen=True)
class StepReport:
    """What became of a step: ``status`` is PASSED, FAILED or SKIPPED, ``reason`` says why or what came of it, ``time``
    is the lab's in seconds. ``envelope`` is the command's, ``value`` what the expectation measured."""

    text: str
    status: str
    reason: str
    time: float
    expectation: bool = False
    python: str = ""
    envelope: dict[str, Any] = field(default_factory=dict)
    value: Any = None

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        told: dict[str, Any] = {
            "step": self.text,
            "status": self.status,
            "reason": self.reason,
            "time": self.time,
            "python": self.python,
        }
        if self.expectation:
            return {**told, "value": self.value}
        return {**told, "result": self.envelope.get("result")}


@dataclass(frozen=True)
class Report:
    """What became of a scenario. ``exit_code`` is 0 where every command and every expectation passed, else 1;
    ``assumptions`` are sentences about what its figures rest on."""

    name: str
    steps: tuple[StepReport, ...]
    assumptions: tuple[str, ...] = ()

    @property
    def failures(self) -> list[StepReport]:
        """The steps that failed."""
        return [step for step in self.steps if step.status == FAILED]

    @property
    def passed(self) -> bool:
        """Whether nothing failed and nothing was left out."""
        return all(step.status == PASSED for step in self.steps)

    @property
    def exit_code(self) -> int:
        """For a shell: 0 or 1."""
        return 0 if self.passed else 1

    def measures(self) -> dict[str, Any]:
        """A row for a table of runs: whether it passed, and what each expectation measured."""
        row: dict[str, Any] = {"passed": self.passed}
        row.update({step.text.removeprefix("expect "): step.value for step in self.steps if step.expectation})
        return row

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"scenario": self.name, "passed": self.passed, "steps": [step.to_dict() for step in self.steps],
                "assumptions": list(self.assumptions)}  # fmt: skip

    def __str__(self) -> str:
        head = f"{self.name}: {PASSED if self.passed else FAILED}"
        shown = [step for step in self.steps if step.expectation or step.status != PASSED]
        lines = [f"  {step.status}  {step.text}  ({step.reason})" for step in shown]
        commands = sum(not step.expectation and step.status == PASSED for step in self.steps)
        assumed = [f"  {sentence}" for sentence in self.assumptions]
        return "\n".join([head, f"  {plural(commands, 'command')} executed", *lines, *assumed])

    __repr__ = __str__


class Scenario:
    """Steps to be taken in a lab. ``lab`` says which lab they are meant for: ``backend``, ``seed``, settings.

    ``steps`` are lines, mappings as in YAML, or pairs ``(time, step)``. ``run`` takes them in a Lab, ``run_async`` in
    an AsyncLab; called with a lab, it gives a row of a table. ValidationError, before anything is done, for a step that
    cannot be read.
    """

    def __init__(self, steps: Iterable[Any], *, lab: Mapping[str, Any] | None = None, name: str = "scenario") -> None:
        if isinstance(steps, (str, bytes, Mapping)):
            raise ValidationError("a scenario takes a list of steps; Scenario.parse reads a script's text")
        self.name = name
        self.lab = dict(lab or {})
        self.steps = [
            step if isinstance(step, Step) else step_of(step, f"step {number}")
            for number, step in enumerate(steps, start=1)
        ]
        if len(self.steps) > MOST_STEPS:
            raise ValidationError(f"a scenario has at most {MOST_STEPS} steps; this one has {len(self.steps)}")
        self._check_times()

    def _check_times(self) -> None:
        last = 0.0
        for step in self.steps:
            if step.at is not None and step.at < last:
                raise ValidationError(f"{step.where or step.text}: {step.at:g} s comes after {last:g} s; put it before")
            last = last if step.at is None else step.at

    @classmethod
    def parse(cls, text: str, name: str = "script") -> Scenario:
        """A script's text, a step a line."""
        settings, steps = steps_of_text(text)
        return cls(steps, lab=settings, name=name)

    @classmethod
    def of(cls, written: Any, name: str = "scenario") -> Scenario:
        """What YAML gave: a list of steps, or a mapping with ``steps`` and maybe ``name`` and ``lab``."""
        if isinstance(written, list):
            return cls(written, name=name)
        if not isinstance(written, Mapping) or not isinstance(written.get("steps"), list):
            raise ValidationError("a scenario is a list of steps, or a mapping with 'steps' and maybe 'name' and 'lab'")
        unknown = sorted(str(key) for key in written if key not in _KNOWN)
        if unknown:
            raise ValidationError(f"a scenario has no {unknown[0]!r}; it has {', '.join(_KNOWN)}")
        lab = written.get("lab") or {}
        settings = header_of(str(lab).split()) if isinstance(lab, str) else lab
        if not isinstance(settings, Mapping):
            raise ValidationError(f"'lab' is a mapping such as {{backend: mock, seed: 7}}, not {lab!r}")
        settings = {str(key): value for key, value in settings.items()}
        return cls(written["steps"], lab=settings, name=str(written.get("name", name)))

    @classmethod
    def load(cls, path: str | Path) -> Scenario:
        """A file: ``.yaml``, ``.yml`` or ``.json``, or else a script of lines. ValidationError names file and place."""
        path = path_of(path, "the path of a script")
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise ValidationError(f"the script {str(path)!r} cannot be read: {why}") from error
        try:
            if path.suffix in (".yaml", ".yml", ".json"):
                return cls.of(_yaml(text), path.stem)
            return cls.parse(text, path.stem)
        except ValidationError as error:
            raise ValidationError(f"{path}, {error}") from None

    # -- taking the steps

    def run(self, lab: Lab) -> Report:
        """Take the steps in a Lab; what fails is in the report, and ends it unless it may fail."""
        return driven(self.run_async(cast("AsyncLab", lab)))

    async def run_async(self, lab: AsyncLab) -> Report:
        """The same in an AsyncLab."""
        last, start = max((step.at or 0.0 for step in self.steps), default=0.0), lab.now
        # Its steps may be short ones, of which none says how long all of them take.
        shown = (
            watched(f"running {self.name}", last, lambda: lab.now - start, " s of lab time") if last else nullcontext()
        )
        with shown:
            return await self._taken(lab)

    async def _taken(self, lab: AsyncLab) -> Report:
        view = MeasuredLab(lab, ScenarioTraffic(lab), start=lab.now)
        reports: list[StepReport] = []
        stopped = ""
        for step in self.steps:
            if stopped:
                reports.append(StepReport(step.text, SKIPPED, stopped, lab.now, step.expectation is not None))
                continue
            if step.at is not None and view.start + step.at > lab.now:
                await finished(lab.run(view.start + step.at - lab.now))
            report = await (self._judge(step, view) if step.expectation else self._execute(step, view))
            if report.status == FAILED and not report.expectation:
                stopped = f"{step.where or 'a step'} before it failed"
            reports.append(report)
        return Report(self.name, tuple(reports), lab.events.assumptions)

    async def _judge(self, step: Step, view: MeasuredLab) -> StepReport:
        assert step.expectation is not None
        verdict = await step.expectation.judge(view)
        status = PASSED if verdict.passed else FAILED
        return StepReport(step.text, status, verdict.reason, view.lab.now, True, value=verdict.value)

    async def _execute(self, step: Step, view: MeasuredLab) -> StepReport:
        try:
            name, arguments = step.command([node.name for node in view.lab.nodes])
        except ValidationError as error:  # only in this lab do its words mean what they cannot
            view.last = {"success": False, "error": str(error), "error_type": "ValidationError"}
            return StepReport(step.text, PASSED if step.may_fail else FAILED, str(error), view.lab.now)
        answer = await perform_async(view.lab, name, arguments)
        view.last = answer.envelope
        failed = not answer.success
        status = FAILED if failed and not step.may_fail else PASSED
        reason = answer.error if failed else as_text(answer.result).partition("\n")[0]
        return StepReport(step.text, status, reason, view.lab.now, False, answer.python, answer.envelope)

    def __call__(self, lab: Lab) -> dict[str, Any]:
        """Take the steps; a row of a table: whether it passed, and what each expectation measured."""
        return self.run(lab).measures()

    def __repr__(self) -> str:
        return f"<Scenario {self.name!r}: {plural(len(self.steps), 'step')}>"


def _yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError:  # in a browser's kernel
        raise MissingExtraError("a scenario is YAML, and PyYAML is not installed here: pip install PyYAML") from None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        _refuse_twice(node, set())
        return None if node is None else loader.construct_document(node)
    except RecursionError:
        raise ValidationError("this is no scenario: its YAML is nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that there is not
        raise ValidationError(f"this is no YAML: {error}") from None


def _refuse_twice(node: Any, seen: set[int]) -> None:
    """Refuse a name that a mapping has twice: YAML wants each once, and its reader would keep the last one unasked."""
    if node is None or isinstance(node.value, str) or id(node) in seen:
        return
    seen.add(id(node))
    names = set()
    for one in node.value:
        key, value = one if isinstance(one, tuple) else (None, one)
        if key is not None and isinstance(key.value, str):
            if key.value in names:
                raise ValidationError(f"line {key.start_mark.line + 1} has {key.value!r} a second time; leave one out")
            names.add(key.value)
        _refuse_twice(value, seen)
