"""The digest of what happened in a run, whatever its commands are called: for comparing two versions of p2plab."""

from __future__ import annotations

import hashlib

from p2plab.events import EventLog


def without_commands(log: EventLog) -> str:
    """The sha256 of the canonical JSONL without the ``lab.command`` rows, ``seq`` and causes numbered anew: what a
    command caused is then caused by whatever caused the command."""
    rows, dropped = log.rows()
    assert not dropped, "the digest needs all rows"
    sha, count = hashlib.sha256(), 0
    place: dict[int, int] = {-1: -1}  # of each row or, of a command, of its own cause
    for row in list(rows):
        cause = place.get(row[9], -1)
        if row[2] == "lab.command":
            place[row[1]] = cause
            continue
        place[row[1]] = count
        sha.update(log.line((row[0], count, *row[2:9], cause, row[10])))
        count += 1
    return sha.hexdigest()
