"""A class with mock labs installs from wheels only, on every system, and without a network from a folder of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACK = [sys.executable, str(ROOT / ".ci" / "wheelhouse.py")]
# The oldest Python, the newest, and one between, each on another system.
MACHINES = {
    "Windows": ("3.12", ["win_amd64"]),
    "macOS": ("3.13", ["macosx_11_0_arm64", "macosx_12_0_arm64"]),
    "Linux": ("3.10", ["manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64"]),
}

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("system", MACHINES)
def test_there_is_a_wheel_for_all_that_the_lab_needs(system: str, tmp_path: Path) -> None:
    python, tags = MACHINES[system]
    options = [f"--platform={tag}" for tag in tags]
    done = subprocess.run(
        [*PACK, str(tmp_path), "--check", f"--python={python}", *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "wheels for all of it: p2plab[lab]" in done.stdout
    assert ("pywinpty" in done.stdout) is (system == "Windows")  # what only Windows needs was asked for there


def test_what_was_packed_installs_without_a_network(tmp_path: Path) -> None:
    wheels = tmp_path / "wheelhouse"
    subprocess.run([*PACK, str(wheels), "--extras="], check=True, capture_output=True)
    assert not [file.name for file in wheels.iterdir() if file.suffix != ".whl"]
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    (python,) = [*(tmp_path / "venv").glob("bin/python"), *(tmp_path / "venv").glob("Scripts/python.exe")]
    install = [str(python), "-m", "pip", "install", "-q", "--no-index", f"--find-links={wheels}", "p2plab"]
    subprocess.run(install, check=True)
    code = "from p2plab import Lab, teaching; print(teaching.check('01.1', Lab(seed=1).start_node('alice').peer_id))"
    done = subprocess.run([str(python), "-I", "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("✓")
