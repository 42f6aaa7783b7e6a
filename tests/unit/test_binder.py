"""What Binder installs is fixed to the last package: its pins fit pyproject.toml and each other; none is missing."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.binder import EXTRAS, PINS, pinned, wanted_python

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
THERE = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": f"{wanted_python()}.0",
    "python_version": wanted_python(),
    "sys_platform": "linux",
}


def holds(asked: Requirement, extra: str = "") -> bool:
    """Whether Binder's machine has to have it."""
    return asked.marker is None or asked.marker.evaluate({**THERE, "extra": extra})


def asked_for() -> Iterator[tuple[str, Requirement]]:
    """What p2plab asks for there, and what each pinned package asks for that is installed here in the same version."""
    own = PROJECT["optional-dependencies"]
    for line in [*PROJECT["dependencies"], *(line for extra in EXTRAS for line in own[extra])]:
        yield "p2plab", Requirement(line)
    pins = pinned()
    for name in pins:
        try:
            here = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        if here.version == pins[name]:
            for line in here.requires or []:
                yield name, Requirement(line)


def test_every_line_names_one_version_of_one_package() -> None:
    lines = [line for line in PINS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][\w.+!]*", line) for line in lines), lines
    assert len({line.partition("==")[0] for line in lines}) == len(lines)


def test_the_pins_fit_what_is_asked_for_and_none_is_missing() -> None:
    pins = pinned()
    looked_at = set()
    for who, asked in asked_for():
        if not holds(asked):
            continue
        name = canonicalize_name(asked.name)
        looked_at.add(who)
        assert name in pins, f"{who} needs {asked}, which has no pin: make binder-pins"
        assert asked.specifier.contains(pins[name], prereleases=True), (
            f"{who} needs {asked}, and {pins[name]} is pinned"
        )
    assert "p2plab" in looked_at


def test_binder_installs_by_the_pins_what_it_needs_and_no_more() -> None:
    lines = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8").split()
    assert lines == ["-c", PINS.name, f".[{','.join(EXTRAS)}]"]
