"""Without the extra ``lab``, p2plab works and says what to install for pictures."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys
sys.modules[{missing!r}] = None
from p2plab import Lab
from p2plab.errors import MissingExtraError
lab = Lab(seed=7)
lab.start_node("alice")
for picture in (lab.graph, lab.console):
    try:
        picture()
    except MissingExtraError as error:
        print(error)
"""


@pytest.mark.dear
@pytest.mark.parametrize("missing", ["anywidget", "ipywidgets", "p2plab_widgets"])
def test_a_picture_names_the_extra_that_is_missing(missing: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(missing=missing)], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(missing in line and "pip install 'p2plab[lab]'" in line for line in lines)
