"""The list of remedies is true: each says why, and where it is applied, and the code there names it."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from p2plab import Lab
from p2plab.errors import LabError
from p2plab.real.pylibp2p.remedies import REMEDIES, Remedies, check_remedies

REAL = Path(__file__).parents[3] / "p2plab" / "real"


@pytest.mark.parametrize("name", REMEDIES)
def test_a_remedy_is_named_where_it_is_applied(name: str) -> None:
    remedy = REMEDIES[name]
    assert len(remedy.why) > 20
    text = (REAL / f"{remedy.where}.py").read_text(encoding="utf-8")
    asked = f'"{name}" not in _OFF' if remedy.process else f'.on("{name}")'
    assert (f'emedy "{name}"' if remedy.fixed else asked) in text


def test_no_remedy_is_named_that_is_not_in_the_list() -> None:
    texts = [path.read_text("utf-8") for path in REAL.rglob("*.py")]
    named = {name for text in texts for name in re.findall(r'(?:[Rr]emedy |\.on\()"([^"]+)"', text)}
    assert named == set(REMEDIES)


def test_the_list_is_a_table_in_a_notebook() -> None:
    page = REMEDIES._repr_html_()
    assert page.count("<tr>") == len(REMEDIES) + 1
    assert all(name in repr(REMEDIES) for name in REMEDIES)


def test_what_is_chosen_is_what_is_on() -> None:
    chosen = Remedies.without("heartbeat", "uncut I/O")
    assert not chosen.on("heartbeat")
    assert chosen.on("room in the queues")
    assert check_remedies({"heartbeat": False, "uncut I/O": False, "no retries": True}) == chosen


def test_false_turns_off_whatever_one_node_can_do_without() -> None:
    none = check_remedies(False)
    assert {name for name, remedy in REMEDIES.items() if not none.on(name)} == {
        name for name, remedy in REMEDIES.items() if not remedy.fixed and not remedy.process
    }
    assert not none.on("heartbeat")
    assert check_remedies(True) == check_remedies(None) == check_remedies({})


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"heartbeet": False}, "did you mean 'heartbeat'"),
        ({"heartbeat": 0}, "on (True) or off (False)"),
        ({"direct delivery": False}, "cannot be turned off"),
        (["heartbeat"], "Remedies.without"),
        ({"yamux window": False}, "chosen when p2plab.real was first imported (on); set P2PLAB_WITHOUT_REMEDIES="),
    ],
)
def test_a_wrong_choice_says_what_to_do(wanted: object, says: str) -> None:
    with pytest.raises(LabError, match=re.escape(says)):
        Lab("real", remedies=wanted)


def test_the_processs_remedies_are_turned_off_by_the_environment() -> None:
    environment = {**os.environ, "P2PLAB_WITHOUT_REMEDIES": "yamux window, quiet logs,root logger"}
    environment.pop("PY_YAMUX_RELEASE_ON_READ", None)
    code = """
import logging, os
from p2plab import Lab
Lab("real", remedies={"yamux window": False}).close()
from libp2p.network.connection import swarm_connection
print(os.environ.get("PY_YAMUX_RELEASE_ON_READ"), swarm_connection.logging is logging)
print([type(handler) for handler in logging.getLogger("libp2p").handlers])
"""
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "None True\n[]\n"


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


def test_a_remedy_says_what_else_has_to_be_off_for_its_fault_to_show() -> None:
    """Each test that shows a fault turns off its remedy, and no others but those that the table names."""
    shown = 0
    for path in sorted(Path(__file__).parent.glob("test_remedies_off*.py")):
        for name, off in re.findall(
            r'@without\("([^"]+)"\)\n(?:.*\n){0,3}?.*lab_without\(([^)]*)\)', path.read_text("utf-8")
        ):
            others = [other for other in re.findall(r'"([^"]+)"', off) if other != name and other in REMEDIES]
            assert all(repr(other) in REMEDIES[name].off for other in others), name
            shown += 1
    assert shown > 20
    assert "limits=" in REMEDIES["kept windows"].off
