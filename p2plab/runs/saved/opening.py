"""Opening a saved run: as a lab, where it can be made again, else as its log."""

from __future__ import annotations

import warnings
from time import monotonic
from typing import TYPE_CHECKING, Any

from p2plab.api.backends import make_world
from p2plab.constants import MODEL_VERSION
from p2plab.errors import DivergenceError, LabError, SnapshotError
from p2plab.events import Event
from p2plab.runs.differences import first_difference
from p2plab.runs.saved.file import SavedRun
from p2plab.runs.saved.tags import Functions

if TYPE_CHECKING:
    from p2plab.api.blocking.lab import Lab
    from p2plab.mock.history.history import History
    from p2plab.views.log_view import LogView
    from p2plab.views.opening import OpenRequest

__all__ = ["commands_of", "open_run"]


def open_run(request: OpenRequest) -> Lab | LogView:
    """For ``p2plab.open``: the lab at its end, or at ``until``; of a real lab, its log.

    SnapshotError names the function that is missing; DivergenceError shows the first event that came out otherwise.
    """
    from p2plab.api.blocking.lab import Lab
    from p2plab.views.log_view import LogView

    run = SavedRun(request.path)
    if run.manifest["model"] != MODEL_VERSION:
        warnings.warn(
            f"{request.path.name} was made by p2plab {run.manifest['p2plab']}, whose model is {run.manifest['model']}; "
            f"here it is {MODEL_VERSION}, so the run may come out otherwise (CHANGELOG.md says how they differ)",
            UserWarning,
            stacklevel=3,
        )
    until = request.until_of(run.failure)
    if not run.replays:
        view = LogView(run.log(), request.path)
        if until is not None:
            view.cursor.at(until)
        return view
    functions = Functions(request.functions, request.run_code)
    history = run.history(functions)
    lab = Lab._over(_replayed(run, history, until, _Patience(request)))
    recorded = str(run.manifest["digest"])
    if until is None and lab.events.digest() != recorded:
        found = first_difference(run.log(), lab.events)
        lab.close()
        raise _diverged(run, found)
    return lab


class _Patience:
    """Ends a replay that takes longer than the one who opened the file will wait."""

    def __init__(self, request: OpenRequest) -> None:
        self._path, self._timeout = request.path, request.timeout
        self._end = None if request.timeout is None else monotonic() + request.timeout

    def __call__(self, world: Any, what: str) -> None:
        if self._end is not None and monotonic() > self._end:
            raise SnapshotError(
                f"{self._path.name} was not played to its end within {self._timeout:g} s of this machine's time: it "
                f"had come to {world.now:.4f} s of lab time, on the way to {what[:200]}. Give p2plab.open a longer "
                "timeout= (None: as long as it takes), or until= to stop earlier"
            )


def _replayed(run: SavedRun, history: History, until: float | None, patience: _Patience) -> Any:
    """The world, played again. What a command raises is part of the run; anything else comes of a history that makes no
    sense."""
    from p2plab.mock.history.replay import replayed

    try:
        return replayed(make_world, history, until, check=patience)
    except LabError:
        raise
    except Exception as error:
        raise SnapshotError(
            f"{run.path.name} cannot be played again, its commands make no sense: {type(error).__name__}: {error}"
        ) from error


def _diverged(run: SavedRun, found: tuple[Event | None, Event | None] | None) -> DivergenceError:
    if found is None:
        return DivergenceError(
            f"{run.path.name} did not come out as it was recorded, although the events in both logs are the same",
            (None, None),
        )
    recorded, here = found
    at = recorded if recorded is not None else here
    assert at is not None
    text = [
        f"{run.path.name} did not come out as it was recorded; the runs part at event {at.seq}, {at.t:.4f} s:",
        f"  recorded: {recorded or 'the run had ended'}",
        f"  here:     {here or 'the run had ended'}",
        f"p2plab.open(path, until={max(at.t - 0.0001, 0.0):.4f}) gives the lab just before",
    ]
    return DivergenceError("\n".join(text), (recorded, here))


def commands_of(lab: Any) -> Any:
    """The history of a lab that can be made again. SnapshotError for a real one."""
    if lab.backend != "mock":
        raise SnapshotError("a real lab's run cannot be made again: its times are the machine's; take a mock lab")
    return lab.history()
