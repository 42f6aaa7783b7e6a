"""Grading a class: every file in a process of its own, with limits on processor time, time and memory.

A lab is played again from the file's data. Functions of a student's own run only where that is asked for. Hidden checks
come from the key, a TOML file outside the course:

    checks = "hidden.py"            # beside the key: functions with @exercise("03.9", "...")
    [points]
    "03.1" = 2
    "03.9" = 3
    [of]
    "03.9" = "03.1"                 # the hidden check 03.9 looks at the answer of 03.1

A hidden check with the name of an exercise of the course takes its place.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import io
import json
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from p2plab.errors import ConfigurationError, LabError, SnapshotError, ValidationError
from p2plab.errors.checked import path_of
from p2plab.errors.frames import faced
from p2plab.errors.likely import did_you_mean
from p2plab.events.files.whole_file import replacing as whole_file
from p2plab.events.files.whole_file import written
from p2plab.teaching.exercises import exercises, find, replacing
from p2plab.teaching.submission import Submission

__all__ = ["Grade", "Key", "grade", "grade_one", "load_checks", "read_key"]

SECONDS: Final = 60.0  # of processor time
PATIENCE: Final = 4.0  # seconds on the clock for each of them: a busy machine must not cost an honest file its marks
MEGABYTES: Final = 2048
LONGEST: Final = 86_400  # seconds for a file
LEAST_MEGABYTES: Final = 256  # Python and what it loads need most of that
MOST_POINTS: Final = 1_000_000
_PARTS: Final = ("points", "checks", "of")


@dataclass(frozen=True, slots=True)
class Key:
    """What is asked for and what it is worth: ``points`` by exercise; ``checks`` is a Python file of hidden checks;
    ``of`` names the exercise whose answer such a check looks at, where that has another name."""

    points: dict[str, float]
    checks: Path | None = None
    of: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grade:
    """One file: ``points`` it got, by exercise; ``says`` why, ``trouble`` what kept it from being read or played;
    ``same_as`` files with the same commands."""

    file: str
    student: str = ""
    points: dict[str, float] = field(default_factory=dict)
    says: dict[str, str] = field(default_factory=dict)
    trouble: str = ""
    histories: tuple[str, ...] = ()
    same_as: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        """All points."""
        return sum(self.points.values())


def read_key(path: str | Path | None) -> Key:
    """A key, or one in which each exercise of the course is worth a point.
    Raises ConfigurationError, ValidationError."""
    if path is None:
        return Key({found.name: 1.0 for found in exercises()})
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    path = path_of(path, "the path of a key")
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"the key {path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"the key {path} is no TOML: {error}") from error
    for name in said:
        if name not in _PARTS:
            raise ValidationError(
                f"the key {path} has {name!r}; {did_you_mean(name, _PARTS)}a key has points, and maybe checks and of"
            )
    points, of = _table(path, said, "points"), _table(path, said, "of")
    if not points:
        raise ValidationError(f"the key {path} gives no points; under [points] it has exercises and what each is worth")
    for name, worth in points.items():
        if isinstance(worth, bool) or not isinstance(worth, (int, float)) or not 0 <= worth <= MOST_POINTS:
            raise ValidationError(f"the key {path} gives {name} {worth!r} points: a number from 0 to {MOST_POINTS:,}")
    for name, other in of.items():
        if name not in points or not isinstance(other, str):
            raise ValidationError(
                f"the key {path} has {name} = {other!r} under [of]; {did_you_mean(name, points)}there stand exercises "
                "that it gives points for, each with the exercise whose answer its check looks at"
            )
    checks = said.get("checks")
    if checks is not None and not (isinstance(checks, str) and (path.parent / checks).is_file()):
        raise ConfigurationError(f"the key {path} names the checks {checks!r}, which is no file beside it")
    return Key(
        {name: float(worth) for name, worth in points.items()}, None if checks is None else path.parent / checks, of
    )


def _table(path: Path, said: dict[str, Any], name: str) -> dict[str, Any]:
    """A table of the key's, empty where it has none. ValidationError for what is none."""
    table = said.get(name, {})
    if not isinstance(table, dict):
        raise ValidationError(f"the key {path} has {name} = {table!r}; write [{name}], and its lines below")
    return table


def load_checks(key: Key) -> None:
    """Register the hidden checks of a key. ConfigurationError for a file that cannot be run, or an exercise in the key
    for which there is no check."""
    if key.checks is not None:
        with replacing():
            _load(key.checks)
    known = {found.name for found in exercises()}
    unknown = [name for name in key.points if name not in known]
    if unknown:
        raise ConfigurationError(f"the key gives points for {unknown[0]}, for which there is no check")


@faced
def grade(
    folder: str | Path,
    key: str | Path | None = None,
    run_code: bool = False,
    seconds: float = SECONDS,
    megabytes: int = MEGABYTES,
    progress: Callable[[int, int], None] | None = None,
) -> list[Grade]:
    """Grade every ``.p2plab`` file of a folder.

    Args:
        folder: where the files are
        key: a TOML file of points and hidden checks; left out, each exercise is worth a point
        run_code: whether handlers and validators of the students' own run
        seconds: of processor time that a file's process may take; it is ended after four times as many on the clock,
            whatever it did with them (on Windows that is the only limit on time)
        megabytes: of memory that it may take (not on Windows)
        progress: called with (files done, files)

    Returns:
        A grade for each file, in the order of their names. Files with equal histories name each other.
    """
    folder = path_of(folder, "the folder of submissions")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= LONGEST:
        raise ValidationError(f"seconds for a file is a number above 0, at most {LONGEST:,}, not {seconds!r}")
    if isinstance(megabytes, bool) or not isinstance(megabytes, int) or not LEAST_MEGABYTES <= megabytes <= 1 << 20:
        raise ValidationError(f"megabytes for a file is a whole number from {LEAST_MEGABYTES} up, not {megabytes!r}")
    if not folder.is_dir():
        raise ConfigurationError(f"there is no folder {folder}")
    read_key(key)
    _check_key(key)
    files = sorted(folder.glob("*.p2plab"))
    found = []
    for count, file in enumerate(files, 1):
        found.append(_in_process(file, key, run_code, seconds, megabytes))
        if progress is not None:
            progress(count, len(files))
    return _with_twins(found)


def _in_process(file: Path, key: str | Path | None, run_code: bool, seconds: float, megabytes: int) -> Grade:
    limits = ["--megabytes", str(megabytes), "--seconds", str(seconds)]
    command = [sys.executable, "-m", "p2plab.teaching", str(file), *limits]
    command += [] if key is None else ["--key", str(key)]
    command += ["--run-code"] if run_code else []
    clock = PATIENCE * seconds
    try:
        done = subprocess.run(command, capture_output=True, timeout=clock, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return Grade(file.name, trouble=f"it was not done after {clock:g} s on the clock, and was ended")
    if sys.platform != "win32" and done.returncode == -signal.SIGXCPU:
        return Grade(file.name, trouble=f"it took over {seconds:g} s of processor time, and was ended")
    try:
        said = json.loads(done.stdout.decode("utf-8", "replace").splitlines()[-1])
    except (ValueError, IndexError):
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        return Grade(file.name, trouble=f"it ended without a word: {' '.join(last)[:200] or done.returncode}")
    return Grade(**{**said, "histories": tuple(said["histories"])})


def grade_one(file: Path, key: Key, run_code: bool) -> Grade:
    """One file, here. What goes wrong with it is its trouble."""
    load_checks(key)
    try:
        submission = Submission(file)
    except SnapshotError as error:
        return Grade(file.name, trouble=str(error))
    points: dict[str, float] = {}
    says: dict[str, str] = {}
    histories = []
    for name, worth in key.points.items():
        given = key.of.get(name, name)
        if given not in submission.answers:
            points[name], says[name] = 0.0, "not answered"
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                answer = _answer(submission, given, Path(folder), run_code)
                histories += _history(submission, given)
                verdict = find(name)(answer)
            except LabError as error:
                code = not run_code and "nothing in a file runs by itself" in str(error)
                points[name], says[name] = 0.0, str(error) + (" (p2plab grade --run-code runs it)" if code else "")
                continue
        points[name], says[name] = (worth if verdict.passed else 0.0), verdict.says
    return Grade(file.name, submission.student, points, says, "", tuple(histories))


def _answer(submission: Submission, name: str, folder: Path, run_code: bool) -> Any:
    import p2plab

    run = submission.run_of(name, folder)
    if run is not None:
        return p2plab.open(run, run_code=run_code)
    value = submission.answers[name].get("value")
    if isinstance(value, dict) and set(value) == {"$bytes"}:
        return bytes.fromhex(str(value["$bytes"]))
    return value


def _history(submission: Submission, name: str) -> list[str]:
    """What the seed, the settings and the commands of an answer hash to: equal ones are the same run, with the same
    words in it."""
    if "run" not in submission.answers[name]:
        return []
    with zipfile.ZipFile(submission.path) as archive, archive.open(f"{name}.p2plab") as run:
        with zipfile.ZipFile(run) as inner, inner.open("history.json") as part:
            made = json.loads(part.read(64 << 20))
    told = ("target", "verb", "shown", "call", "tick")
    said = [
        made.get("seed"),
        made.get("settings"),
        [[command.get(name) for name in told] for command in made["commands"]],
    ]
    return [f"{name} {hashlib.sha256(json.dumps(said).encode()).hexdigest()}"]


def _check_key(key: str | Path | None) -> None:
    """Say what is wrong with a key's checks before a class is graded with them; in a process of its own, since they
    are code."""
    if key is None:
        return
    command = [sys.executable, "-m", "p2plab.teaching", "--key", str(key)]
    done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise ConfigurationError(f"the checks of the key {key} cannot be used: {' '.join(last)[:300]}")


def _load(path: Path) -> None:
    spec = importlib.util.spec_from_file_location("p2plab_hidden_checks", path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{path} is no Python file")
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


def _with_twins(grades: list[Grade]) -> list[Grade]:
    by_history: dict[str, list[str]] = {}
    for one in grades:
        for history in one.histories:
            by_history.setdefault(history, []).append(one.file)
    found = []
    for one in grades:
        twins = {file for history in one.histories for file in by_history[history]} - {one.file}
        found.append(
            Grade(one.file, one.student, one.points, one.says, one.trouble, one.histories, tuple(sorted(twins)))
        )
    return found


def write_marks(grades: list[Grade], path: str | Path) -> Path:
    """A CSV file with a row for each file: points by exercise, total, trouble, and who has the same history.
    ConfigurationError where it cannot be written; the earlier file stays as it was."""
    names = list(dict.fromkeys(name for one in grades for name in one.points))
    path = path_of(path, "the file of marks")
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(["file", "student", *names, "total", "trouble", "same history as"])
    for one in grades:
        points = [one.points.get(name, "") for name in names]
        row = [one.file, one.student, *points, one.total, one.trouble, " ".join(one.same_as)]
        rows.writerow([_inert(cell) for cell in row])
    with written(path, f"the marks cannot be written to {path}"), whole_file(path) as file:
        file.write(text.getvalue().encode("utf-8", "replace"))
    return path


def _inert(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
