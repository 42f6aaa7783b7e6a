"""Same seed, same script, same digest: in this process and in others, whatever Python and PYTHONHASHSEED say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import other_pythons
from tests.unit.mock import scenario

ROOT = Path(__file__).parents[3]


def digest_by(python: str, hash_seed: str = "random") -> str:
    """What another process makes of the scenario."""
    command = [python, "-m", "tests.unit.mock.scenario"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_two_runs_are_the_same_to_the_byte() -> None:
    assert scenario.digest() == scenario.digest()


def test_another_seed_is_another_run() -> None:
    assert scenario.digest() != scenario.digest(seed=8)


@pytest.mark.dear
@pytest.mark.parametrize("hash_seed", ["0", "1", "4294967295"])
def test_the_hash_seed_decides_nothing(hash_seed: str) -> None:
    assert digest_by(sys.executable, hash_seed) == scenario.digest()


@pytest.mark.parametrize("level", ["messages", "all"])
def test_the_recording_level_decides_nothing(level: str) -> None:
    assert scenario.digest(recording=level) == scenario.digest(recording="all")


@pytest.mark.slow
@pytest.mark.parametrize("version", other_pythons.VERSIONS)
def test_every_python_gives_the_same(version: str) -> None:
    python = other_pythons.interpreters().get(version)
    if python is None:
        pytest.skip(f"no Python {version} was found here")
    own = other_pythons.version_of(sys.executable)
    inside = sys.executable if version == own else other_pythons.environment(version, python)
    assert digest_by(inside) == scenario.digest()
