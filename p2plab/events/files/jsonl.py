"""The file format: JSON Lines, a header and then one event a line, its unset fields left out."""

from __future__ import annotations

import gzip
import json
import sys
import warnings
import zlib
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from json.encoder import encode_basestring as quoted
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from p2plab.constants import MODEL_VERSION
from p2plab.errors import ConfigurationError, EventLogError
from p2plab.errors.checked import path_of
from p2plab.events.assumptions import other_model
from p2plab.events.event import Row
from p2plab.events.files.whole_file import replacing, written
from p2plab.events.kinds import LEVELS
from p2plab.progress import watched

if TYPE_CHECKING:
    from p2plab.events.log import EventLog
    from p2plab.events.rows import Rows
    from p2plab.events.state import Fold

MOST_LINE = 64 << 20  # bytes of a line: a packed file of a megabyte must not become one of gigabytes
FORMAT = "p2plab-events"
VERSION = 1

_TYPES: dict[str, Any] = {
    "t": (int, float),
    **dict.fromkeys(("seq", "size", "cause"), int),
    **dict.fromkeys(("kind", "node", "peer", "topic", "ref", "reason"), str),
    "data": dict,
}
_NUMBERS = {"t": 0, "seq": 0, "size": 0, "cause": -1}  # the least of each
MOST = 1 << 52  # so many ticks, events and bytes no run has, and floats count to there
MOST_TICKS = 10**9  # in a second
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def line_of(row: Row, names: Sequence[str], resolution: int) -> bytes:
    """One canonical line: the columns' order, no spaces, UTF-8 (a lone surrogate as it is). EventLogError where
    ``data`` is not plain JSON."""
    t, seq, kind, node, peer, topic, ref, size, reason, cause, data = row
    line = f'{{"t":{t / resolution!r},"seq":{seq},"kind":{quoted(kind)}'
    if node >= 0:
        line += f',"node":{quoted(names[node])}'
    if peer >= 0:
        line += f',"peer":{quoted(names[peer])}'
    if topic is not None:
        line += f',"topic":{quoted(topic)}'
    if ref is not None:
        line += f',"ref":{quoted(ref)}'
    if size is not None:
        line += f',"size":{size}'
    if reason is not None:
        line += f',"reason":{quoted(reason)}'
    if cause >= 0:
        line += f',"cause":{cause}'
    if data is not None:
        line += f',"data":{_data(row)}'
    return (line + "}\n").encode(errors="surrogatepass")


def _data(row: Row) -> str:
    try:
        return _encode(row[10])
    except (TypeError, ValueError) as error:
        raise EventLogError(
            f"event {row[1]} ({row[2]}) has data that is not plain JSON ({error}): {row[10]!r}"
        ) from error


def save(log: EventLog, path: str | Path) -> Path:
    """Write the header and every row; through gzip where the name ends in ``.gz``. The file that was there before goes
    when the new one is whole."""
    path = _path(path)
    rows, dropped = log.rows()
    count = len(rows)  # while it is written, more may come
    header: dict[str, Any] = {"format": FORMAT, "version": VERSION, "resolution": log.resolution, "level": log.level}
    header["rows"] = count  # without it, a file cut between two lines would look whole
    if log.model is not None:
        header["model"] = log.model
    if dropped:
        header["dropped"] = dropped
    header |= log.header()
    unsaved = f"events cannot be saved to {path}"
    with written(path, unsaved), replacing(path) as whole, _compressed(whole, path) as file:
        file.write(json.dumps(header, separators=(",", ":")).encode() + b"\n")
        saved = 0
        with watched("saving events", count, lambda: saved):
            for row in rows.between(0, count):
                file.write(log.line(row))
                saved += 1
    return path


def load(path: str | Path) -> EventLog:
    """Read a file written by ``save``; up to the cut, with a warning, where it was cut in the middle."""
    from p2plab.events.rows import Rows

    path = _path(path)
    try:
        opened: Any = gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")
    except OSError as error:
        raise ConfigurationError(f"events cannot be loaded from {path}: {error.strerror or error}") from error
    with opened as file:
        log, dropped, expected, base = _begin(file, path)
        rows = Rows()
        with watched("loading events", expected, lambda: len(rows)):
            stopped = _read(file, log, rows, _most_rows(path))
    if not stopped and expected is not None and len(rows) < expected:
        stopped = f"it ends after line {len(rows) + 1}, and had {expected + 1}"
    if stopped:
        warnings.warn(f"{path} stops short: {stopped}; the {len(rows)} events before it were loaded", stacklevel=3)
    log.adopt(rows, dropped, base)
    return log


def _begin(file: IO[bytes], path: Path) -> tuple[EventLog, int, int | None, Fold | None]:
    """An empty log as the header describes it, how many rows had gone before the file's first, how many follow, and
    what those that had gone came to."""
    from p2plab.events.log import EventLog

    try:
        header = json.loads(file.readline(MOST_LINE))
    except (ValueError, RecursionError, EOFError, OSError, zlib.error) as error:
        raise EventLogError(f"{path} is not an event log: its first line is no header ({error})") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise EventLogError(f"{path} is not an event log: its first line does not say {FORMAT!r}")
    if header.get("version") != VERSION:
        raise EventLogError(f"{path} has version {header.get('version')!r}; this p2plab reads version {VERSION}")
    resolution: Any = header.get("resolution")
    level, dropped = header.get("level"), header.get("dropped", 0)
    if not (_between(resolution, 1, MOST_TICKS + 1) and _between(dropped, 0, MOST)) or level not in LEVELS:
        raise EventLogError(f"{path} has a header that makes no sense: {header}")
    expected = header.get("rows")
    model: Any = header.get("model")
    log = EventLog(resolution, clock=lambda: 0, level=level)
    if _between(model, 0, MOST):
        log.model = model
        if model != MODEL_VERSION:
            said = other_model(model)
            log.assumed = lambda: (said,)
    try:
        base = log.take_header(header)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise EventLogError(f"{path} has a header whose state or gaps make no sense: {error}") from error
    return log, dropped, expected if isinstance(expected, int) else None, base


def _between(number: Any, least: int, most: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and least <= number < most


def _most_rows(path: Path) -> int:
    """How many rows are read of a packed file: in those that p2plab writes, a row takes more than four bytes."""
    from p2plab.events.log import LIMIT

    return max(LIMIT, path.stat().st_size // 4) if path.suffix == ".gz" else sys.maxsize


def _read(file: IO[bytes], log: EventLog, rows: Rows, most: int) -> str:
    """Read the rows; where it had to stop, and why."""
    number, last = 1, (0, -1)  # tick and seq of the row before
    try:
        for line in iter(lambda: file.readline(MOST_LINE), b""):
            number += 1
            if not line.endswith(b"\n"):
                return f"line {number} has no end" if len(line) < MOST_LINE else f"line {number} is too long"
            if len(rows) >= most:
                return f"it has more than {most:,} events, which a file of its size does not have"
            row = _row(json.loads(line), log)
            # Who searches the rows, and who follows their causes, relies on this order.
            if row[0] < last[0] or row[1] <= last[1] or row[9] >= row[1]:
                return f"line {number} is out of order: an event comes after those before it, and after its cause"
            last = row[0], row[1]
            rows.append(row)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        return f"line {number} cannot be read ({error})"
    except (EOFError, OSError, zlib.error) as error:
        return f"the compressed data ends after line {number} ({error})"
    return ""


def _row(fields: dict[str, Any], log: EventLog) -> Row:
    for name, type_ in _TYPES.items():
        if name in fields and (not isinstance(fields[name], type_) or isinstance(fields[name], bool)):
            raise TypeError(f"{name} is {fields[name]!r}")
        if name in _NUMBERS and not _NUMBERS[name] <= fields.get(name, 0) < MOST:
            raise ValueError(f"{name} is {fields[name]!r}")
    get = fields.get
    node, peer = get("node"), get("peer")
    tick = round(fields["t"] * log.resolution)
    if tick >= MOST << 11:
        raise ValueError(f"t is {fields['t']!r}")
    return (
        tick,
        fields["seq"],
        fields["kind"],
        -1 if node is None else log.register(node),
        -1 if peer is None else log.register(peer),
        get("topic"),
        get("ref"),
        get("size"),
        get("reason"),
        get("cause", -1),
        get("data"),
    )


def _path(path: object) -> Path:
    return path_of(path, "the path of a log")


def _compressed(file: IO[bytes], path: Path) -> AbstractContextManager[Any]:
    """The file, through gzip where its name ends in ``.gz``."""
    return gzip.GzipFile("", "wb", fileobj=file) if path.suffix == ".gz" else nullcontext(file)
