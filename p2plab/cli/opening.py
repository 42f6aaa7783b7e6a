"""``p2plab open``: what a file with a run in it is, and what went wrong in it."""

from __future__ import annotations

import json
import shlex
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

from p2plab.cli.laboratory import open_laboratory
from p2plab.cli.output import say, say_json
from p2plab.errors import DivergenceError, SnapshotError
from p2plab.text import aligned, shown
from p2plab.views.opening import PATIENCE, TROUBLE, format_of, known_format

__all__ = ["open_file"]

SHOWN: Final = 12  # events that are told one by one


def open_file(
    name: str, until: float | str | None, run_code: bool, notebook: bool, as_json: bool, timeout: float | None
) -> int:
    """Tell what it is; 1 where it did not come out as it was recorded, or cannot be played."""
    if notebook:
        return _in_jupyter(Path(name), until, run_code, timeout)
    import p2plab
    from p2plab.views.log_view import LogView

    failed = ""
    try:
        opened = p2plab.open(name, until=until, run_code=run_code, timeout=timeout)
    except (DivergenceError, SnapshotError) as error:
        failed = str(error)
        opened = _log_of(name)
    facts = _facts(name)
    log = opened.events
    trouble = [event for event in log if event.kind in TROUBLE]
    facts |= {
        "opened as": "a log" if isinstance(opened, LogView) else "a lab, played again",
        "time": f"{opened.now:.4f} s",
        "events": len(log),
        "most frequent": ", ".join(f"{kind} {count}" for kind, count in Counter(e.kind for e in log).most_common(5)),
    }
    if as_json:
        say_json({**facts, "not played again": failed, "trouble": [str(event) for event in trouble[:SHOWN]]})
        return int(bool(failed))
    say(aligned([[key, shown(str(value), 2000)] for key, value in facts.items()]))
    for sentence in log.assumptions:
        say(f"  ({shown(sentence, 500)})")
    for event in trouble[:SHOWN]:
        say(f"  {event}")
    if len(trouble) > SHOWN:
        say(f"  and {len(trouble) - SHOWN} more")
    if failed:
        say(f"It was not played again: {shown(failed, 4000)}")
    return int(bool(failed))


def _log_of(name: str) -> Any:
    from p2plab.runs.saved.file import SavedRun
    from p2plab.views.log_view import LogView

    return LogView(SavedRun(name).log(), Path(name))


def _facts(name: str) -> dict[str, Any]:
    from p2plab.runs.saved.file import SavedRun
    from p2plab.runs.saved.player import PLAYER

    try:
        run = SavedRun(name)
        failure = run.failure()
    except SnapshotError:
        known = format_of(Path(name))
        return {"file": name, "kind": "a log" if known is None else known.name}
    said = run.manifest
    wanted = ("backend", "seed", "p2plab", "model", "python", "system", "recording")
    facts = {"file": name, "kind": "a saved run", **{key: said.get(key) for key in wanted}}
    if failure is not None:
        lines = [line.strip() for line in failure[1].splitlines() if line.strip()]
        facts["failed"] = f"at {failure[0]:.4f} s: {'; '.join(lines)}"
    if run.has_player:
        facts["to be seen in a browser"] = f"unzip -p {shlex.quote(name)} {PLAYER} > player.html"
    return facts


def _in_jupyter(path: Path, until: float | str | None, run_code: bool, timeout: float | None) -> int:
    """A notebook of three cells beside nothing of the user's, in JupyterLab."""
    known_format(path)
    arguments = [repr(str(path.resolve())), *([] if until is None else [f"until={until!r}"])]
    arguments += ["run_code=True"] if run_code else []
    arguments += [f"timeout={timeout!r}"] if timeout != PATIENCE else []
    cells = [
        f"import p2plab\n\nrun = p2plab.open({', '.join(arguments)})\nrun",
        "run.graph()",
        "run.timeline()",
    ]
    with tempfile.TemporaryDirectory(prefix="p2plab-") as folder:
        notebook = Path(folder) / f"{path.stem}.ipynb"
        notebook.write_text(json.dumps(_notebook(cells)), encoding="utf-8")
        return open_laboratory(str(notebook), None, False)


def _notebook(cells: list[str]) -> dict[str, Any]:
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell{number}",
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": source,
            }
            for number, source in enumerate(cells)
        ],
    }
