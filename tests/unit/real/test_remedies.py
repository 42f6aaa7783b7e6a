"""The list of remedies is true: each says why, and where it is applied, and the code there names it."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from p2plab.real.remedies import REMEDIES

REAL = Path(__file__).parents[3] / "p2plab" / "real"


@pytest.mark.parametrize("name", REMEDIES)
def test_a_remedy_is_named_where_it_is_applied(name: str) -> None:
    remedy = REMEDIES[name]
    assert len(remedy.why) > 20
    text = (REAL / f"{remedy.where}.py").read_text(encoding="utf-8")
    assert f'emedy "{name}"' in text


def test_no_remedy_is_named_that_is_not_in_the_list() -> None:
    named = {name for path in REAL.glob("*.py") for name in re.findall(r'[Rr]emedy "([^"]+)"', path.read_text("utf-8"))}
    assert named == set(REMEDIES)


@pytest.mark.parametrize(("before", "after"), [(None, "0"), ("1", "1")])
def test_the_yamux_window_is_left_as_the_user_set_it(before: str | None, after: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PY_YAMUX_RELEASE_ON_READ"}
    if before is not None:
        environment["PY_YAMUX_RELEASE_ON_READ"] = before
    code = "import p2plab.real, os; print(os.environ['PY_YAMUX_RELEASE_ON_READ'])"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == after


def test_without_libp2p_the_error_names_the_extra() -> None:
    assert importlib.util.find_spec("libp2p") is not None
    code = """
import sys
sys.modules["libp2p"] = None
from p2plab import Lab
from p2plab.errors import MissingExtraError
try:
    Lab("real")
except MissingExtraError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'p2plab[real]'" in done.stdout
