"""``p2plab doctor``: what is installed, what is missing, and what to do about it."""

from __future__ import annotations

import importlib
import platform
import re
import socket
import sys
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Final

import p2plab
from p2plab.cli.output import say, say_json
from p2plab.text import aligned

FINE: Final = "OK"
MISSING: Final = "MISSING"  # something optional
PROBLEM: Final = "PROBLEM"
OLDEST: Final = (3, 10)
REAL_BELOW: Final = (3, 14)  # py-libp2p runs on Pythons below
PARTS: Final = {"p2plab.mock": "mock nodes", "p2plab.real": "real nodes", "p2plab.widgets": "the widgets"}
EXTRAS: Final = {
    "": "needed",
    "real": "real nodes",
    "lab": "notebooks and widgets",
    "test": "p2plab's own tests",
}


@dataclass(frozen=True)
class Finding:
    """``status`` is OK, MISSING (something optional) or PROBLEM; ``advice`` says what to do."""

    what: str
    status: str
    found: str
    advice: str = ""


def findings(load: bool = True) -> Iterator[Finding]:
    """Everything that was looked at. ``load``: whether parts that are not in use are loaded, to see if they can be."""
    yield _python()
    yield from _packages()
    yield from _ports()
    yield from _front_end(load)


def _python() -> Finding:
    found = f"{platform.python_version()} on {platform.system()}"
    if sys.version_info < OLDEST:
        return Finding("Python", PROBLEM, found, "p2plab needs Python 3.10 or newer")
    if sys.version_info >= REAL_BELOW:
        return Finding("Python", FINE, found, "real nodes need Python 3.10 to 3.13")
    return Finding("Python", FINE, found)


def _packages() -> Iterator[Finding]:
    try:
        requirements = metadata.requires("p2plab") or []
    except metadata.PackageNotFoundError:  # as in an archive, which has the code on the path
        yield Finding("p2plab", FINE, f"{p2plab.__version__}, on the path and not installed")
        return
    yield Finding("p2plab", FINE, p2plab.__version__)
    for requirement in requirements:
        read = re.match(r"([\w.-]+)(?:\[[^]]*\])?\s*>=\s*([\w.]+)", requirement)
        extra = re.search(r"extra\s*==\s*['\"](\w+)['\"]", requirement)
        name = extra[1] if extra else ""
        if read is None or name not in EXTRAS or _for_elsewhere(requirement):
            continue
        yield _package(read[1], read[2], name)


def _for_elsewhere(requirement: str) -> bool:
    """Whether a marker says that this Python, or a browser's kernel, does without it."""
    if sys.platform == "emscripten" and re.search(r"sys_platform\s*!=\s*['\"]emscripten", requirement):
        return True
    limit = re.search(r"python_version\s*<\s*['\"](\d+)\.(\d+)['\"]", requirement)
    return limit is not None and sys.version_info >= (int(limit[1]), int(limit[2]))


def _package(name: str, bound: str, extra: str) -> Finding:
    what = f"{name} ({EXTRAS[extra]})"
    install = f"pip install 'p2plab[{extra}]'" if extra else "pip install --upgrade p2plab"
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(what, MISSING if extra else PROBLEM, "not installed", install)
    if _numbers(found) < _numbers(bound):
        return Finding(what, PROBLEM, found, f"p2plab needs {bound} or newer: pip install --upgrade '{name}>={bound}'")
    return Finding(what, FINE, found)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:3])


def _ports() -> Iterator[Finding]:
    for what, kind in (("TCP on the loopback", socket.SOCK_STREAM), ("UDP on the loopback", socket.SOCK_DGRAM)):
        try:
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
        except OSError as error:
            yield Finding(what, PROBLEM, str(error), "real nodes listen on 127.0.0.1: allow it, or use a mock lab")
        else:
            yield Finding(what, FINE, f"a free port was found ({port})" if kind == socket.SOCK_STREAM else "usable")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        taken = probe.connect_ex(("127.0.0.1", 8888)) == 0
    advice = "p2plab lab takes the next one; or name one: p2plab lab --port 8899" if taken else ""
    yield Finding("JupyterLab's port 8888", FINE, "in use" if taken else "free", advice)


def _front_end(load: bool) -> Iterator[Finding]:
    for module, what in PARTS.items():
        if not load and module not in sys.modules:
            yield Finding(what, FINE, "not in use, and not tried")
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the libraries' own, which are no finding of this one
                importlib.import_module(module)
        except ImportError as error:
            needed = module == "p2plab.mock"
            yield Finding(what, PROBLEM if needed else MISSING, str(error), "the packages listed above say what to do")
        else:
            yield Finding(what, FINE, "can be imported")
    yield _notebook()


def _notebook() -> Finding:
    running = "ipykernel" in sys.modules
    return Finding(
        "a notebook's kernel",
        FINE,
        "this is one" if running else "not in one",
        "" if running else "in a notebook: %load_ext p2plab, then %p2p commands",
    )


def doctor(as_json: bool) -> int:
    """Print what was found; 1 where there is a problem."""
    found = list(findings())
    problems = [finding for finding in found if finding.status == PROBLEM]
    if as_json:
        say_json({"healthy": not problems, "findings": [asdict(finding) for finding in found]})
    else:
        say(aligned([[finding.status, finding.what, finding.found, finding.advice] for finding in found]))
        say("" if not problems else f"{len(problems)} problems; the last column says what to do")
    return 1 if problems else 0
