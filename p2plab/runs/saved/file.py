"""The file of a saved run, ``.p2plab``: a zip of data, and nothing else.

    manifest.json   what it is: format, versions, model, seed, settings, time, digest, platform
    history.json    the commands (mock): target, verb and arguments as tagged JSON (``tags``), and their places
    log.jsonl.gz    the event log, as ``events.save`` writes it
    doctor.json     what was installed where it was made
    script.py       the run as Python: of a real lab, on py-libp2p alone
    player.html     a page that plays the run in a browser, for people without p2plab; opening a file never reads it

Reading bounds every part, checks what it reads, and runs nothing.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from p2plab.errors import ConfigurationError, EventLogError, SnapshotError, ValidationError
from p2plab.errors.checked import path_of
from p2plab.events import EventLog
from p2plab.events.assumptions import read_assumptions
from p2plab.events.files.whole_file import replacing, written
from p2plab.mock.history.history import Command, History
from p2plab.mock.history.packing import Name, unpack
from p2plab.runs.saved.allowed import check_files, check_verb
from p2plab.runs.saved.manifest import manifest
from p2plab.runs.saved.outside import Outside
from p2plab.runs.saved.player import PLAYER, page
from p2plab.runs.saved.tags import Functions, Named, decode, encode
from p2plab.views.opening import first_trouble

if TYPE_CHECKING:
    from p2plab.worlds import World

__all__ = ["FORMAT", "SavedRun", "save"]

FORMAT: Final = 1
MANIFEST, HISTORY, LOG, DOCTOR, SCRIPT = "manifest.json", "history.json", "log.jsonl.gz", "doctor.json", "script.py"
# Bytes of each part, unpacked: a file of a few kilobytes must not become gigabytes.
LIMITS: Final = {MANIFEST: 1 << 20, HISTORY: 256 << 20, LOG: 1 << 30, DOCTOR: 1 << 20, SCRIPT: 16 << 20}
MOST_VALUES: Final = 5_000_000  # in a part that is JSON: each takes some hundred bytes of memory
MOST_TEXT: Final = 20_000  # characters of what failed
_PLACES: Final = ("index", "tick", "step", "end_tick", "end_step", "seq")
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    KeyError,
    OSError,
    RecursionError,
    OverflowError,
)


def save(
    world: World,
    path: str | os.PathLike[str],
    addresses: bool = False,
    player: bool | None = None,
    failed: str | BaseException | None = None,
) -> Path:
    """Write a world's run to a file, in the place of what was there; returns the path. See ``lab.save``.

    ConfigurationError where it cannot be written: what was there before is then as it was.
    """
    path = path_of(path, "the path of a saved run")
    if failed is not None and not isinstance(failed, (str, BaseException)):
        raise ValidationError(f"failed={failed!r}: what failed, as text, or the error that was raised")
    parts = world.read(_parts, world, addresses, failed)
    played = page(parts[LOG], path.stem, player)  # not while the lab waits for it
    if played is not None:
        parts[PLAYER] = played
    unsaved = f"the run cannot be saved to {path}"
    with written(path, unsaved), replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            stored = zipfile.ZIP_STORED if name == LOG else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, stored)
    return path


def _parts(world: World, addresses: bool, failed: str | BaseException | None) -> dict[str, bytes]:
    parts = {MANIFEST: b""}
    said = manifest(world)
    if failed is not None:
        said["failed"] = _failure(world, failed)
    log = _log(world.events)
    if world.backend == "mock":
        history = world.history()
        parts[HISTORY] = _json(_history(history))
        stuck = [f"{command}: {command.stuck}" for command in history.commands if command.stuck]
        said["replays"] = not stuck and history.torn < 0
        if stuck:
            said["stuck"] = stuck[0]
    else:
        said["replays"] = False
        script = str(world.history().as_libp2p_script())
        if not addresses:
            outside = Outside()
            log, script = outside.left_out_of_log(log), outside.left_out(script)
            said = json.loads(outside.left_out(json.dumps(said)))
            said["addresses left out"] = len(outside.hosts)
        parts[SCRIPT] = script.encode()
    parts[MANIFEST] = _json(said, indent=1)
    parts[LOG] = log
    parts[DOCTOR] = _json(_doctor(), indent=1)
    return parts


def _failure(world: World, failed: str | BaseException) -> dict[str, Any]:
    """What failed, and when: at the event that an error names or, without one, now."""
    text = failed if isinstance(failed, str) else f"{type(failed).__name__}: {failed}"
    seq = getattr(failed, "event", None)
    event = world.events.by_seq(seq) if isinstance(seq, int) else None
    said: dict[str, Any] = {"text": text[:MOST_TEXT], "t": world.now if event is None else event.t}
    return said if event is None else {**said, "event": event.seq}


def _json(value: Any, indent: int | None = None) -> bytes:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    return text.encode("utf-8", "surrogatepass") + b"\n"


def _log(log: EventLog) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return log.save(Path(folder) / LOG).read_bytes()


def _doctor() -> list[dict[str, Any]]:
    findings = import_module("p2plab.cli.doctor").findings  # by name: the command line stands above this room
    return [asdict(finding) for finding in findings(load=False)]  # a mock lab loads no py-libp2p to be saved


# -- the history as data


def _history(history: History) -> dict[str, Any]:
    return {
        "seed": history.seed,
        "tick": history.tick,
        "step": history.step,
        "torn": history.torn,
        "settings": encode(unpack(history.settings, Named)),
        "commands": [_command(command) for command in history.commands],
    }


def _command(command: Command) -> dict[str, Any]:
    written: dict[str, Any] = {
        "target": command.target,
        "node": command.node,
        "verb": command.verb,
        "shown": command.arguments,
        **{name: getattr(command, name) for name in _PLACES},
        "settled": command.settled,
        "raised": command.raised,
        "waits": command.waits,
    }
    stuck = command.stuck
    if not stuck and command.carried:
        try:
            owner, verb, args, kwargs = unpack(command.carried, Named)
            written["call"] = {
                "on": encode(owner),
                "verb": verb,
                "with": [encode(arg) for arg in args],
                "by_name": {name: encode(value) for name, value in kwargs.items()},
            }
        except SnapshotError as error:
            stuck = "" if command.refused else str(error)
    if stuck:
        written["stuck"] = stuck
    if command.refused:
        written["refused"] = True
    return written


class SavedRun:
    """A file that was saved, read and checked. Nothing in it has run.

    ``manifest`` says what it is. SnapshotError for a file that is none, is damaged, or is of another format.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path_of(path, "the path of a saved run")
        self._parts = self._read()
        self.manifest = self._object(MANIFEST)
        version = self.manifest.get("format")
        if version != FORMAT:
            raise SnapshotError(f"{self.path} has format {version!r}, and this p2plab reads format {FORMAT}")
        for name, kind in (("backend", str), ("digest", str), ("p2plab", str), ("model", int), ("replays", bool)):
            if not isinstance(self.manifest.get(name), kind):
                raise self._damaged(f"its manifest has {self.manifest.get(name)!r} as its {name}")

    def _read(self) -> dict[str, bytes]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                found = {}
                self.has_player = PLAYER in archive.namelist()
                for name, limit in LIMITS.items():
                    if name not in archive.namelist():
                        continue
                    with archive.open(name) as part:
                        data = part.read(limit + 1)
                    if len(data) > limit:
                        raise self._damaged(f"its {name} has over {limit} bytes")
                    found[name] = data
        except FileNotFoundError as error:
            raise ConfigurationError(f"{self.path} cannot be opened: there is no such file") from error
        except _BROKEN as error:
            if isinstance(error, SnapshotError):
                raise
            raise self._damaged(f"{type(error).__name__}: {error}") from error
        for name in (MANIFEST, LOG):
            if name not in found:
                raise self._damaged(f"it has no {name}")
        return found

    def _damaged(self, problem: str) -> SnapshotError:
        return SnapshotError(f"{self.path} is no saved run, or a damaged one: {problem}")

    def _object(self, name: str) -> dict[str, Any]:
        data = self._parts[name]
        if data.count(b",") + data.count(b"[") + data.count(b"{") > MOST_VALUES:
            raise self._damaged(f"its {name} has over {MOST_VALUES:,} values")
        try:
            found = json.loads(data.decode("utf-8", "surrogatepass"))
        except (ValueError, RecursionError) as error:
            raise self._damaged(f"its {name} is no JSON: {error}") from error
        if not isinstance(found, dict):
            raise self._damaged(f"its {name} is no object")
        return found

    @property
    def replays(self) -> bool:
        """Whether the run can be made again: it was a mock lab's, and every command is there as data."""
        return bool(self.manifest["replays"]) and HISTORY in self._parts

    def failure(self) -> tuple[float, str] | None:
        """When it failed (seconds) and what failed: what was said when it was saved or, without that, the first event
        of the log that tells of trouble. None where all went well."""
        said = self.manifest.get("failed")
        if isinstance(said, dict):
            t, text = said.get("t"), said.get("text")
            if isinstance(t, bool) or not isinstance(t, (int, float)) or not isinstance(text, str) or not 0 <= t < 1e12:
                raise self._damaged(f"its manifest has {said!r} as what failed")
            return float(t), text
        return first_trouble(self.log())

    def log(self) -> EventLog:
        """The event log. SnapshotError where it is damaged."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / LOG
            path.write_bytes(self._parts[LOG])
            try:
                log = EventLog.load(path)
            except (EventLogError, ConfigurationError, UserWarning) as error:
                raise self._damaged(f"its log cannot be read: {str(error).replace(str(path), LOG)}") from error
        said = (*log.assumptions, *read_assumptions(self.manifest.get("assumptions")))
        log.assumed = lambda: said
        return log

    def script(self) -> str | None:
        """The run as Python on py-libp2p alone, of a real lab; None for others."""
        data = self._parts.get(SCRIPT)
        return None if data is None else data.decode(errors="replace")

    def history(self, functions: Functions) -> History:
        """The commands, ready for a replay. One that needs a function that may not be had is stuck, and says why."""
        said = self._object(HISTORY)
        try:
            settings = _packed(decode(said["settings"], functions))
            commands = tuple(self._command_of(one, functions) for one in said["commands"])
            places = {name: _whole(said[name]) for name in ("tick", "step", "torn")}
            return History(_whole(said["seed"]), settings, commands, **places)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._damaged(f"its {HISTORY} makes no sense: {type(error).__name__}: {error}") from error

    def _command_of(self, said: Mapping[str, Any], functions: Functions) -> Command:
        command = Command(
            _text(said["target"]),
            None if said["node"] is None else _text(said["node"]),
            _text(said["verb"]),
            list(said["shown"]),
            settled=bool(said["settled"]),
            raised=_text(said["raised"]),
            refused=bool(said.get("refused", False)),
            waits=bool(said["waits"]),
        )
        for name in _PLACES:
            setattr(command, name, _whole(said[name]))
        if "stuck" in said:
            command.stuck = _text(said["stuck"])
        elif "call" in said:
            call = said["call"]
            verb = _text(call["verb"])
            if verb.startswith("__") or not verb.isidentifier():
                raise ValueError(f"{verb!r} is no verb")
            try:
                owner = decode(call["on"], functions)
                if not isinstance(owner, Named):
                    raise ValueError("a command is given on an object of the lab")
                if not functions.run_code:
                    check_verb(owner.name, verb)
                args = tuple(decode(arg, functions) for arg in call["with"])
                kwargs = {_text(name): decode(value, functions) for name, value in call["by_name"].items()}
                if not functions.run_code:
                    check_files(owner.name, verb, args, kwargs)
                command.carried = _packed((owner, verb, args, kwargs))
            except SnapshotError as error:
                command.stuck = "" if command.refused else str(error)
        return command


def _packed(value: Any) -> bytes:
    """As the replay wants it: pickled here, from what was decoded, with names for what belongs to the lab."""
    from p2plab.mock.history.functions import FunctionPickler

    class RunPickler(FunctionPickler):
        def persistent_id(self, obj: Any) -> Name | None:
            return obj.name if isinstance(obj, Named) else None

    file = io.BytesIO()
    RunPickler(file).dump(value)
    return file.getvalue()


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is no whole number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value
