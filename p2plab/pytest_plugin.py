"""p2plab's plugin for pytest: labs as fixtures, scripts as tests, and of a failure a run that can be opened.

pytest loads it in every run of everybody who has p2plab installed. So it imports nothing of p2plab before a test asks
for a lab, or a script is found, and does nothing where none does. (PYTEST_DONT_REWRITE: nothing is asserted here.)
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from p2plab.api.blocking.lab import Lab
    from p2plab.commands.scripts.scenario import Report

__all__ = ["LabFactory", "ScriptFile", "ScriptItem", "lab", "lab_factory", "p2plab_backend", "p2plab_seed"]

FOLDER: Final = "p2plab-runs"  # without a dot in front: what uploads artifacts leaves hidden folders out
TAIL: Final = 15  # events of the log that are shown
MARK: Final = (
    "p2plab(seed=0, seeds=None, backend='mock', **settings): of the test's labs: the seed, or a test for each of "
    "several seeds; mock, real, auto, or a test for each of a list of these; settings such as latency=0.05"
)
LABS: Final = pytest.StashKey[list["Lab"]]()
LabFactory = Any  # what the fixture gives: called with settings, it starts a lab


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --p2plab-runs."""
    parser.getgroup("p2plab").addoption(
        "--p2plab-runs",
        metavar="DIR",
        default=None,
        help=f"where the run of a test that failed is written ({FOLDER} beside the configuration); none: nowhere",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARK)


# -- labs


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Of a test with several seeds or backends, make one for each."""
    settings = _settings(metafunc.definition)
    for name, many in (("p2plab_seed", settings.get("seeds")), ("p2plab_backend", settings.get("backend"))):
        if name not in metafunc.fixturenames or many is None or isinstance(many, str):
            continue
        values = list(many)
        if not values:
            raise pytest.UsageError(f"{metafunc.definition.nodeid}: the p2plab marker names no {name[7:]}s")
        label = name.removeprefix("p2plab_")
        metafunc.parametrize(name, values, indirect=True, ids=[f"{label}={value}" for value in values])


def _settings(item: Any) -> dict[str, Any]:
    """What the markers say, the nearest first."""
    found: dict[str, Any] = {}
    for mark in reversed(list(item.iter_markers("p2plab"))):
        if mark.args:
            raise pytest.UsageError(f"{item.nodeid}: the p2plab marker takes names, as in p2plab(seed=7)")
        found.update(mark.kwargs)
    return found


@pytest.fixture
def p2plab_seed(request: pytest.FixtureRequest) -> int:
    """The seed of the test's labs."""
    seed: int = getattr(request, "param", _settings(request.node).get("seed", 0))
    return seed


@pytest.fixture
def p2plab_backend(request: pytest.FixtureRequest) -> str:
    """The world of the test's labs: mock, real or auto."""
    backend: str = getattr(request, "param", _settings(request.node).get("backend", "mock"))
    return backend


@pytest.fixture
def lab_factory(request: pytest.FixtureRequest, p2plab_seed: int, p2plab_backend: str) -> Iterator[LabFactory]:
    """Start labs: ``lab_factory(seed=8, latency=0.1)``, with the marker's settings unless told otherwise. They are
    closed after the test."""
    from p2plab import Lab

    said = {name: value for name, value in _settings(request.node).items() if name not in ("seed", "seeds", "backend")}
    labs: list[Lab] = []
    request.node.stash[LABS] = labs

    def start(backend: str = p2plab_backend, *, seed: int = p2plab_seed, **settings: Any) -> Lab:
        labs.append(Lab(backend, seed=seed, **{**said, **settings}))
        return labs[-1]

    yield start
    for one in labs:
        one.close()


@pytest.fixture
def lab(lab_factory: LabFactory) -> Lab:
    """A lab with the marker's seed, backend and settings, which is closed after the test."""
    started: Lab = lab_factory()
    return started


# -- what failed


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around the one that turns failures into xfails
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say of a test that failed how to play it again; write its runs."""
    report = yield
    labs = item.stash.get(LABS, [])
    if report.failed and call.excinfo is not None and call.when != "teardown" and labs:
        what = call.excinfo.exconly(tryshort=True)
        report.sections.append(("p2plab", "\n\n".join(_told(item, one, place, what) for place, one in enumerate(labs))))
    return report


def _told(item: pytest.Item, one: Lab, place: int, what: str) -> str:
    """The seed, how to play it again, where the run is, and the end of the log."""
    seed, name = one.seed, f"the {one.backend} lab"
    again = f"python -m pytest {shlex.quote(item.nodeid)}"
    lines = [f"{name} had the seed {seed}; again: {again}"]
    if one.backend != "mock":
        lines[0] += " (the seed of real nodes fixes their identities alone)"
    lines.append(_written(item, one, place, what))
    rows = one.events.rows()[0]
    tail = [one.events.event(row) for row in rows[-TAIL:]]
    lines.append(f"the last {len(tail)} of {len(rows)} events:")
    return "\n".join([*lines, *(f"  {event}" for event in tail)])


def _written(item: pytest.Item, one: Lab, place: int, what: str) -> str:
    """Write the run; says where it is, or why it is nowhere."""
    from p2plab.errors import LabError

    chosen = item.config.getoption("--p2plab-runs")
    if chosen == "none":
        return "the run was not written: --p2plab-runs=none"
    folder = item.config.rootpath / FOLDER if chosen is None else item.config.invocation_params.dir / chosen
    number = f"-{place + 1}" if place else ""
    path = folder / f"{re.sub(r'[^A-Za-z0-9_.=-]+', '-', item.nodeid).strip('-')[-150:]}{number}.p2plab"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        one.save(path, failed=f"{item.nodeid}: {what}")
    except (LabError, OSError) as error:
        return f"the run could not be written to {path}: {error}"
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return (
        f"the run is in {shown}: p2plab open {shlex.quote(str(shown))}, or p2plab.open({str(shown)!r}, until='failure')"
    )


# -- scripts


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScriptFile | None:
    """Take a ``.p2p`` script as a test."""
    if file_path.suffix != ".p2p":
        return None
    script: ScriptFile = ScriptFile.from_parent(parent, path=file_path)
    return script


class ScriptFile(pytest.File):
    """A script of commands and expectations."""

    def collect(self) -> Iterable[ScriptItem]:
        """The one test in it."""
        from p2plab.commands.scripts.scenario import Scenario
        from p2plab.errors import ValidationError

        try:
            scenario = Scenario.load(self.path)
        except ValidationError as error:
            raise self.CollectError(str(error)) from None
        yield ScriptItem.from_parent(self, name="script", scenario=scenario)


class ScriptFailed(Exception):
    """A command or an expectation of a script failed."""


class ScriptItem(pytest.Item):
    """A script, run in a lab as its first line says."""

    def __init__(self, *, scenario: Any, **others: Any) -> None:
        super().__init__(**others)
        self.scenario = scenario

    def runtest(self) -> None:
        """Run it; ScriptFailed shows what passed and what did not."""
        from p2plab import Lab

        settings = dict(self.scenario.lab)
        lab = Lab(settings.pop("backend", "mock"), **settings)
        self.stash[LABS] = [lab]
        self.addfinalizer(lab.close)
        report: Report = self.scenario.run(lab)
        if not report.passed:
            raise ScriptFailed(str(report))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What passed and what did not; nothing of p2plab's own frames."""
        if isinstance(excinfo.value, ScriptFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where it stands."""
        return self.path, None, f"script {self.path.name}"
