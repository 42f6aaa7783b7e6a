"""Formats by the end of a file's name, and the one way to write them."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final

from p2plab.errors import EventLogError, LabError, ValidationError
from p2plab.errors.checked import path_of
from p2plab.events import EventLog
from p2plab.events.files.whole_file import earlier_stays, replacing, written
from p2plab.exports.writers.selection import Selection

__all__ = ["FORMATS", "Selection", "export"]

# By the end of the name: what it is, and who writes it.
FORMATS: Final[dict[str, tuple[str, str]]] = {
    ".pb": ("a trace of go-libp2p-pubsub (trace.proto)", "pubsub_trace:write_trace"),
    ".perfetto-trace": ("a trace for Perfetto", "perfetto:write_perfetto"),
    ".pftrace": ("a trace for Perfetto", "perfetto:write_perfetto"),
    ".gexf": ("a graph with times, for Gephi and networkx", "graphs:write_gexf"),
    ".graphml": ("a graph, each edge with its times", "graphs:write_graphml"),
    ".parquet": ("a table of events", "parquet:write_parquet"),
    ".mmd": ("a sequence diagram in Mermaid", "mermaid:write_mermaid"),
    ".mermaid": ("a sequence diagram in Mermaid", "mermaid:write_mermaid"),
}


def export(log: EventLog, path: str | os.PathLike[str], **chosen: Any) -> Path:
    """Write a log, or the part of it that a ``Selection`` of ``chosen`` has, to a file; what was there before goes when
    the new one is whole. ValidationError for a name whose end is none of ``FORMATS``; ConfigurationError."""
    target = path_of(path, "the path of an export")
    packed = target.suffix == ".gz"
    end = (target.with_suffix("") if packed else target).suffix.lower()
    if end not in FORMATS:
        known = ", ".join(f"{name} ({what})" for name, (what, _) in FORMATS.items())
        raise ValidationError(f"export writes no {end or 'file without an end'}: it writes {known}")
    module, _, function = FORMATS[end][1].partition(":")
    write: Callable[[Selection, IO[bytes]], int] = getattr(import_module(f"p2plab.exports.writers.{module}"), function)
    selection = Selection(log, **chosen)
    try:
        with written(target), replacing(target) as file:
            if packed:
                with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as inside:
                    write(selection, inside)  # type: ignore[arg-type]  # it has what is used of a file
            else:
                write(selection, file)
    except LabError:
        raise
    except (UnicodeError, ValueError, OverflowError) as error:  # of a log that somebody wrote by hand
        raise EventLogError(f"this log cannot be written as {end}: {error}{earlier_stays(target)}") from error
    return target
