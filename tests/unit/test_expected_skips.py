"""tests/conftest.py makes a skip that nobody expects fail a run of continuous integration."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
TESTS = """
import pytest

def test_runs():
    pass

@pytest.mark.skip(reason="no such hardware")
def test_skips():
    pass
"""
IN_PROCESSES = ("-p", "xdist", "-n", "2")


def run_pytest(
    folder: Path, ci: str, expected: str = "{}", options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    conftest = CONFTEST.read_text(encoding="utf-8").replace(
        "EXPECTED_SKIPS: dict[str, str] = {", f"EXPECTED_SKIPS: dict[str, str] = {expected} or {{"
    )
    (folder / "conftest.py").write_text(conftest, encoding="utf-8")
    (folder / "test_it.py").write_text(TESTS, encoding="utf-8")
    (folder / "pytest.ini").write_text(
        "[pytest]\nmarkers =\n    browser\n    notebooks\n    interop\n    bench\n", encoding="utf-8"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, str(folder)]
    environment = {**os.environ, "CI": ci, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_an_unexpected_skip_fails_under_ci_and_is_named(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, ci="true")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    assert "test_it.py::test_skips: Skipped: no such hardware" in done.stdout


@pytest.mark.dear
def test_an_unexpected_skip_of_a_test_in_another_process_fails_under_ci(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, ci="true", options=IN_PROCESSES)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    assert "test_it.py::test_skips: Skipped: no such hardware" in done.stdout


@pytest.mark.dear
def test_an_unexpected_skip_of_a_module_in_another_process_fails_under_ci(tmp_path: Path) -> None:
    (tmp_path / "test_module.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    done = run_pytest(tmp_path, ci="true", expected=repr({"test_skips$": "hardware"}), options=IN_PROCESSES)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    assert "test_module.py: Skipped: could not import 'no_such_module'" in done.stdout


def test_an_unexpected_skip_is_only_named_elsewhere(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, ci="")
    assert done.returncode == pytest.ExitCode.OK, done.stdout
    assert "test_it.py::test_skips: Skipped: no such hardware" in done.stdout


@pytest.mark.parametrize(
    ("reason", "status"), [("no such hardware", pytest.ExitCode.OK), ("another", pytest.ExitCode.TESTS_FAILED)]
)
def test_a_skip_is_expected_by_its_test_and_its_reason(tmp_path: Path, reason: str, status: pytest.ExitCode) -> None:
    done = run_pytest(tmp_path, ci="true", expected=repr({"test_skips$": reason}))
    assert done.returncode == status, done.stdout
