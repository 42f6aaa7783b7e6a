"""``p2plab.open``: whatever a file with a run in it is, as something to look at or to go on with.

A format is told by the first bytes of the file, not by its name. To add one, add a line to ``FORMATS``; its reader
comes in by name, when there is such a file.
"""

from __future__ import annotations

import builtins
import gzip
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from p2plab.errors import ConfigurationError, EventLogError, ValidationError
from p2plab.errors.checked import flag, path_of
from p2plab.errors.frames import faced
from p2plab.events import EventLog
from p2plab.views.log_view import LogView

__all__ = ["FORMATS", "TROUBLE", "Format", "OpenRequest", "first_trouble", "format_of", "open", "standing"]

TROUBLE: Final = ("error", "connection.failed")  # kinds of events that tell of trouble
PATIENCE: Final = 600.0  # seconds of the machine's time for playing a run again, unless another bound is given
HEAD: Final = 4096  # bytes that tell what a file is


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """What ``open`` was called with."""

    path: Path
    until: float | str | None
    functions: dict[str, Callable[..., Any]] | None
    run_code: bool
    timeout: float | None = None

    def until_of(self, failure: Callable[[], tuple[float, str] | None]) -> float | None:
        """The moment in seconds. ``failure`` says when the run failed, if it did. ValidationError where it did not."""
        if not isinstance(self.until, str):
            return self.until
        found = failure()
        if found is None:
            raise ValidationError(f"until='failure': nothing failed in {self.path.name}; give seconds of lab time")
        return found[0]


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: ``fits(head)`` says whether the first bytes (unpacked, where gzip packed them) are of one.

    ``reader`` is ``module:function``: of ours, called with the request; of ``p2plab.exports.readers``, called with the
    path, which gives an event log."""

    name: str
    fits: Callable[[bytes], bool]
    reader: str


def _is_log(head: bytes) -> bool:
    return head.startswith(b"{") and b'"p2plab-events"' in head.split(b"\n", 1)[0]


def _is_saved_run(head: bytes) -> bool:
    return head.startswith(b"PK\x03\x04") and b"manifest.json" in head[:200]


def _fits(name: str) -> Callable[[bytes], bool]:
    """A test of a reader's own, which comes in when a file is no run of ours."""
    module, function = name.split(":")
    return lambda head: bool(getattr(import_module(module), function)(head))


_READERS: Final = "p2plab.exports.readers"
FORMATS: list[Format] = [
    Format("a log of p2plab", _is_log, "p2plab.views.opening:read_log"),
    Format("a saved run", _is_saved_run, "p2plab.runs.saved.opening:open_run"),
    Format("a table in Parquet of Hermes or Xatu", _fits(f"{_READERS}.tables:fits_parquet"), f"{_READERS}:read_tables"),
    Format("a log of gossipsub-interop", _fits(f"{_READERS}.interop_log:fits_interop"), f"{_READERS}:read_interop"),
    Format("a JSON trace of go-libp2p-pubsub", _fits(f"{_READERS}.pubsub_trace:fits_json"), f"{_READERS}:read_json"),
    Format("a trace of go-libp2p-pubsub", _fits(f"{_READERS}.pubsub_trace:fits_protobuf"), f"{_READERS}:read_protobuf"),
]


def read_log(request: OpenRequest) -> LogView:
    """A log that ``events.save`` wrote."""
    return standing(LogView(EventLog.load(request.path), request.path), request)


def standing(view: LogView, request: OpenRequest) -> LogView:
    """The view, with its cursor at the moment that was asked for."""
    until = request.until_of(lambda: first_trouble(view.events))
    if until is not None:
        view.cursor.at(until)
    return view


def first_trouble(log: EventLog) -> tuple[float, str] | None:
    """The time (seconds) and the text of the first event that tells of trouble; None where there is none."""
    for _, row in log.rows()[0].of_kinds(TROUBLE):
        event = log.event(row)
        return event.t, str(event)
    return None


@faced
def open(
    path: str | os.PathLike[str],
    until: float | str | None = None,
    functions: dict[str, Callable[..., Any]] | None = None,
    run_code: bool = False,
    timeout: float | None = PATIENCE,
) -> Any:
    """Open a file with a run in it. Nothing in the file runs by being opened.

    Args:
        path: a saved run (``lab.save``), a log (``events.save``), or another tool's trace: go-libp2p-pubsub's (protobuf
            or JSON), gossipsub-interop's logs (a file or the folder), tables of Hermes or Xatu (Parquet, or a folder)
        until: seconds of lab time at which to stop, or ``"failure"``: where the run failed; left out, the end
        functions: handlers, validators and actions of the user's that the run uses, by name
        run_code: whether functions of the user's may be imported, and their saved source may run: only if you trust
            whoever made the file
        timeout: seconds of this machine's time that playing a saved run again may take; None: as long as it takes

    Returns:
        Of a saved mock lab, a ``Lab`` in which everything was done again; of a real one, and of a log, a ``LogView``
        that stands at ``until``.

    Raises:
        SnapshotError: a function is missing (it is named), the file is damaged, or ``timeout`` is over.
        DivergenceError: the run came out otherwise than it was recorded; it shows the first event.
        ConfigurationError: no file can be read there.
        EventLogError: it is of no known kind.

    Example:
        >>> path = lab.events.save(folder / "log.jsonl")
        >>> p2plab.open(path)
        <LogView 'log.jsonl': 11 events, t=0.000 s>
    """
    _check_until(until)
    _check_timeout(timeout)
    request = OpenRequest(
        path_of(path, "the path of what is opened"), until, functions, flag(run_code, "run_code"), timeout
    )
    module, function = known_format(request.path).reader.split(":")
    read = getattr(import_module(module), function)
    return read(request) if module != _READERS else standing(LogView(read(request.path), request.path), request)


def known_format(path: Path) -> Format:
    """What a file is that can be opened. ConfigurationError where none can be read there, EventLogError."""
    known = format_of(path)
    if known is None:
        names = ", ".join(one.name for one in FORMATS)
        raise EventLogError(f"{path} is of no kind that p2plab opens: {names}")
    return known


def format_of(path: Path) -> Format | None:
    """What a file is, or a folder of them: of logs of gossipsub-interop's nodes, or of tables."""
    if path.is_dir():
        found = next(path.rglob("*.parquet"), None) or next(path.glob("hosts/*/*.stdout"), None)
        found = found or next((one for one in sorted(path.iterdir()) if one.is_file()), None)
        known = None if found is None else format_of(found)
        return known if known is not None and known.reader.startswith(_READERS) else None
    head = _head(path)
    return next((known for known in FORMATS if known.fits(head)), None)


def _check_until(until: object) -> None:
    is_time = isinstance(until, (int, float)) and not isinstance(until, bool) and 0 <= until < float("inf")
    if until is not None and until != "failure" and not is_time:
        raise ValidationError(f"until={until!r}: seconds of lab time from 0 up, or 'failure', where the run failed")


def _check_timeout(timeout: object) -> None:
    is_time = isinstance(timeout, (int, float)) and not isinstance(timeout, bool) and 0 < timeout < float("inf")
    if timeout is not None and not is_time:
        raise ValidationError(f"timeout={timeout!r}: seconds of this machine's time above 0, or None for no bound")


def _head(path: Path) -> bytes:
    try:
        with builtins.open(path, "rb") as file:
            head = file.read(HEAD)
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(path, "rb") as unpacked:
                return unpacked.read(HEAD)
        return head
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigurationError(f"{path} cannot be opened: {getattr(error, 'strerror', None) or error}") from error
