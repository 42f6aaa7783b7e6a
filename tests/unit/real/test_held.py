"""A real lab that nobody holds is closed: all faces share one token, and nothing of the lab's own keeps it."""

from __future__ import annotations

import builtins
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from p2plab import Lab

CLOSING = "closing a lab that nobody holds"


def files() -> int:
    return len(os.listdir("/proc/self/fd"))


def labs() -> int:
    return sum(thread.name == "p2plab real lab" for thread in threading.enumerate())


def labs_left() -> int:
    """The labs that are open once what nobody holds has been collected, and closed."""
    gc.collect()
    for thread in threading.enumerate():
        if thread.name == CLOSING:
            thread.join(30)
    return labs()


def lab_itself(lab: Any) -> Any:
    return lab


def node(lab: Any) -> Any:
    return lab["alice"]


def aio_node(lab: Any) -> Any:
    return lab.aio["alice"]


def subscription(lab: Any) -> Any:
    return lab["alice"].subscribe("news")


def dht(lab: Any) -> Any:
    return lab["alice"].dht


def stream(lab: Any) -> Any:
    async def wait(stream: Any) -> None:
        await stream.read()

    lab["bob"].handle("/wait/1.0.0", wait)
    return lab["alice"].open_stream("bob", "/wait/1.0.0")


@pytest.mark.parametrize("face", [lab_itself, node, aio_node, subscription, dht, stream])
def test_each_face_holds_the_lab_and_the_last_that_goes_closes_it(face: Callable[[Any], Any]) -> None:
    before = labs()

    def made() -> Any:
        lab = Lab("real", seed=3)
        lab.start_node("alice"), lab.start_node("bob")
        return face(lab)

    held = made()
    gc.collect()
    assert labs() == before + 1
    assert not held._world.closed
    del held
    assert labs_left() == before


def test_what_the_lab_gave_of_itself_outlives_it() -> None:
    before = labs()
    events = Lab("real", seed=3).events
    assert labs_left() == before
    assert events.digest()


def test_a_node_in_a_handler_is_the_same_as_the_one_outside() -> None:
    with Lab("real", seed=3) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        met: list[bool] = []

        async def look(stream: Any) -> None:
            met.append(stream.node == bob and bob == stream.node and hash(stream.node) == hash(bob))
            await stream.write(b"x")

        bob.handle("/look/1.0.0", look)
        alice.open_stream(bob, "/look/1.0.0").read()
        assert met == [True]
        assert bob in lab
        assert lab["alice"] == alice


CELL = """
from p2plab import Lab
lab = Lab("real", seed=3)
nodes = lab.start_nodes(3)
lab.wire("line")
lab.graph()
"""
KEPT = """
from p2plab import Lab
lab = Lab("real", seed=3)
lab.start_node("alice")
"""


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Any:
    from IPython.core.interactiveshell import InteractiveShell

    monkeypatch.delattr(builtins, "_", raising=False)  # a doctest that ran before left one: IPython then keeps none
    made = InteractiveShell.instance()
    yield made
    made.reset(new_session=False)
    InteractiveShell.clear_instance()


@pytest.mark.slow
def test_a_cell_with_a_picture_that_runs_twenty_times_leaves_threads_and_files_as_they_were(shell: Any) -> None:
    before = labs_left()
    threads, descriptors = [], []
    for _ in range(20):
        assert shell.run_cell(CELL, store_history=True).success
        assert labs_left() == before + 1
        threads.append(threading.active_count())
        descriptors.append(files())
    assert max(threads[5:]) <= threads[4]
    assert max(descriptors[5:]) <= descriptors[4] + 2  # a message of ZeroMQ's or a file that is read at the time
    shell.run_cell("del lab, nodes")
    shell.reset(new_session=False)
    assert labs_left() == before


def test_a_cell_that_runs_again_closes_the_lab_it_made_before_and_says_so(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell(KEPT, store_history=True)
    first = shell.user_ns["lab"].world
    assert shell.user_ns["_"].world is first  # what the cell gave is kept by IPython
    shell.run_cell(KEPT, store_history=True)
    assert first.closed
    assert "p2plab: closed the real lab that this cell had made before (1 node)" in capsys.readouterr().out
    shell.run_cell("lab.close()")


def test_a_lab_that_another_name_refers_to_stays_open(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell(KEPT, store_history=True)
    shell.run_cell("mine = [lab['alice']]")
    first = shell.user_ns["lab"].world
    shell.run_cell(KEPT, store_history=True)
    assert not first.closed
    assert "closed the real lab" not in capsys.readouterr().out
    shell.run_cell("lab.close()")
    first.close()


def test_another_cell_closes_nothing(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell(KEPT, store_history=True)
    first = shell.user_ns["lab"].world
    shell.run_cell(KEPT.replace("lab.", "other.").replace("lab =", "other ="))
    assert not first.closed
    assert "closed the real lab" not in capsys.readouterr().out
    shell.run_cell("lab.close(); other.close()")


FULL = """
import os, resource
from p2plab import Lab
from p2plab.errors import ConfigurationError

lab = Lab("real", seed=3)
lab.start_node("alice")
used = max(map(int, os.listdir("/proc/self/fd")))
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (used + 1, most))
for attempt in (lambda: Lab("real", seed=4), lambda: lab.start_nodes(20)):
    try:
        attempt()
    except ConfigurationError as error:
        print(error)
lab.close()
"""


def test_a_process_without_a_file_left_says_how_many_labs_are_open() -> None:
    told = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert len(lines) == 2, told
    for line in lines:
        assert line.startswith("this process may not open more files: 1 real lab with ")
        assert line.endswith("close those you no longer need (lab.close()), or allow more with ulimit -n")
