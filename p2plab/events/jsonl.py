"""The file format: JSON Lines, a header and then one event a line, its unset fields left out."""

from __future__ import annotations

import gzip
import json
import warnings
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from p2plab.errors import EventLogError
from p2plab.events.event import Event, Row

if TYPE_CHECKING:
    from p2plab.events.log import EventLog

FORMAT = "p2plab-events"
VERSION = 1


def line_of(event: Event) -> bytes:
    """One canonical line: the columns' order, no spaces, UTF-8."""
    return json.dumps(event.to_dict(), separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def save(log: EventLog, path: str | Path) -> Path:
    """Write the header and every row; through gzip where the name ends in ``.gz``."""
    path = Path(path)
    header = {"format": FORMAT, "version": VERSION, "resolution": log.resolution, "level": log.level}
    with _open(path, "wb") as file:
        file.write(json.dumps(header, separators=(",", ":")).encode() + b"\n")
        for event in log:
            file.write(line_of(event))
    return path


def load(path: str | Path) -> EventLog:
    """Read a file written by ``save``; up to the cut, with a warning, where it was cut in the middle."""
    from p2plab.events.log import EventLog

    path = Path(path)
    with _open(path, "rb") as file:
        try:
            header = json.loads(file.readline())
        except (ValueError, EOFError, OSError) as error:
            raise EventLogError(f"{path} is not an event log: its first line is no header ({error})") from error
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise EventLogError(f"{path} is not an event log: its first line does not say {FORMAT!r}")
        if header.get("version") != VERSION:
            raise EventLogError(f"{path} has version {header.get('version')!r}; this p2plab reads version {VERSION}")
        log = EventLog(int(header["resolution"]), clock=lambda: 0, level=str(header["level"]))
        rows, stopped = _rows(file, log)
    if stopped:
        warnings.warn(f"{path} stops short: {stopped}; the {len(rows)} events before it were loaded", stacklevel=3)
    log.adopt(rows)
    return log


def _rows(file: IO[bytes], log: EventLog) -> tuple[list[Row], str]:
    rows: list[Row] = []
    number = 1
    try:
        for line in file:
            number += 1
            rows.append(_row(json.loads(line), log))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return rows, f"line {number} cannot be read ({error})"
    except (EOFError, OSError) as error:
        return rows, f"the compressed data ends after line {number} ({error})"
    return rows, ""


def _row(fields: dict[str, Any], log: EventLog) -> Row:
    get = fields.get
    node, peer = get("node"), get("peer")
    return (
        round(fields["t"] * log.resolution),
        int(fields["seq"]),
        str(fields["kind"]),
        -1 if node is None else log.register(str(node)),
        -1 if peer is None else log.register(str(peer)),
        get("topic"),
        get("ref"),
        get("size"),
        get("reason"),
        get("cause", -1),
        get("data"),
    )


def _open(path: Path, mode: str) -> IO[bytes]:
    return gzip.open(path, mode) if path.suffix == ".gz" else path.open(mode)  # type: ignore[return-value]
