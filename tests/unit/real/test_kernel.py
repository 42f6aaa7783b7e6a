"""A real lab in a real Jupyter kernel: cells interrupted in the middle of every kind of call, restarts, the exit."""

from __future__ import annotations

import socket
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from jupyter_client.manager import KernelManager

LONG = 120.0  # seconds; a cell that takes longer hangs
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no signal to interrupt a kernel with")

PREPARE = """
import os, socket, threading
import p2plab
from p2plab import Lab
from p2plab.identity.keys import Identity

asked = []

def left():
    return threading.active_count(), len(os.listdir("/dev/fd"))

def when(condition):
    # Call the test when it has come to that, from a thread, as the cell itself is busy. By a socket of the test's: the
    # kernel opens a file for each thread that prints, and keeps it.
    def look():
        try:
            lab.run_until(condition, timeout=60)
        except p2plab.errors.LabError:
            pass
        socket.create_connection(("127.0.0.1", PORT)).close()
    asked.append(threading.Thread(target=look))
    asked[-1].start()

def call(name):
    return lambda: any(task.name == f"p2plab {name}" for task in lab.world.portal.nursery.child_tasks)

async def say_nothing(stream):
    await p2plab.sleep(10_000)

async def echo(stream):
    while data := await stream.read():
        await stream.write(data)

def works():
    alice, bob = lab["alice"], lab["bob"]
    assert alice.ping(bob, timeout=30) > 0
    assert [conn.peer for conn in alice.connections()].count(bob.peer_id) == 1
    stream = alice.open_stream(bob, "/echo/1")
    stream.write(b"x")
    assert stream.read() == b"x"
    stream.close()
    sent = alice.publish("check", b"still here")
    while True:
        if checks.get(timeout=30).id == sent.id:
            return "works"

listener = socket.create_server(("127.0.0.1", 0))
mute = f"/ip4/127.0.0.1/tcp/{listener.getsockname()[1]}/p2p/{Identity.derive(9, 'x').peer_id}"
with Lab("real") as lab:  # what the first one imports and opens for good is no leak
    lab.start_nodes(2)
    lab.wire()
before = left()
"""

OPEN = """
lab = Lab("real", seed=7)
alice, bob = lab.start_node("alice"), lab.start_node("bob")
bob.handle("/silent/1", say_nothing)
bob.handle("/echo/1", echo)
alice.connect(bob)
news, checks = bob.subscribe("news"), bob.subscribe("check")
assert lab.run_until(lambda: alice.topic_peers("check"), timeout=30)
silent = alice.open_stream(bob, "/silent/1")
"""

# What is typed, and what has come to pass when it is interrupted.
CELLS = {
    "connect": ("alice.connect(mute)", "call('connect')"),
    "publish": (
        "for number in range(10**9): alice.publish('burst', b'x')",
        "lambda: len(lab.events.filter(kind='pubsub.publish', topic='burst')) > 100",
    ),
    "get": ("news.get(timeout=None)", "call('receive')"),
    "read": ("silent.read()", "call('read')"),
    "write": ("silent.write(bytes(500_000_000))", "call('write')"),
    "open_stream": ("alice.open_stream(mute, '/echo/1')", "call('open_stream')"),
    "dht": ("for number in range(10**9): bob.dht.get(f'/lab/{number}')", "call('get')"),
    "start_nodes": (
        "for count in range(1, 400): lab.start_nodes(count, prefix='more')",
        "lambda: len(lab.world.hosts()) > 4 and call('start_nodes')()",
    ),
    "run": ("lab.run(10_000)", "call('sleep')"),
    "run_until": ("lab.run_until(lambda: False)", "call('until')"),
    "ping": ("for number in range(10**9): alice.ping(bob)", "call('ping')"),
    "disconnect": (
        "for number in range(10**9): alice.disconnect(bob); alice.connect(bob)",
        "lambda: len(lab.events.filter(kind='connection.opened', node='alice')) > 3",
    ),
}


class Kernel:
    """A kernel, and what it wrote to its stderr beside the cells' output."""

    def __init__(self, log: Path) -> None:
        self._log = log.open("w")
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(
            stderr=self._log, stdout=self._log, extra_arguments=["--HistoryManager.enabled=False"]
        )
        self.log = log
        self._called = socket.create_server(("127.0.0.1", 0))
        self._called.settimeout(LONG)
        self._connect()

    def _connect(self) -> None:
        self._client = self.manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=LONG)

    def said(self) -> list[str]:
        """What it wrote to its log, beside its own remark on how it is reached."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if "Kernel is running over TCP" not in line]

    def run(self, code: str, interrupt: bool = False) -> tuple[str, str]:
        """Execute a cell, and interrupt it when it calls, if it is to be; its output, and the name of its error."""
        asked = self._client.execute(textwrap.dedent(code))
        if interrupt:
            self._called.accept()[0].close()
            self.manager.interrupt_kernel()
        output, error, deadline = "", "", time.monotonic() + LONG
        while time.monotonic() < deadline:
            message: dict[str, Any] = self._client.get_iopub_msg(timeout=LONG)
            if message["parent_header"].get("msg_id") != asked:
                continue
            content = message["content"]
            if message["msg_type"] == "stream":
                output += content["text"]
            elif message["msg_type"] == "execute_result":
                output += content["data"]["text/plain"]
            elif message["msg_type"] == "error":
                error = content["ename"]
                output += "\n".join(content["traceback"])
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                return output, error
        pytest.fail(f"the cell did not end: {code}")

    def prepare(self) -> None:
        """What the other cells stand on, in a kernel that is new."""
        self.good(f"PORT = {self._called.getsockname()[1]}\n{PREPARE}")
        self.good(OPEN)

    def good(self, code: str) -> str:
        """Execute a cell that must not fail."""
        output, error = self.run(code)
        assert error == "", output
        return output

    def restart(self) -> None:
        """As the button does."""
        self._client.stop_channels()
        self.manager.restart_kernel()
        self._connect()

    def exit(self) -> None:
        """As the menu does; it must end by itself."""
        process = cast(Any, self.manager.provisioner).process
        # ipykernel 7.4 does it without p2plab, 4 times in 90: its control thread flushes what its main thread is
        # closing, and waits for it, with a line on stderr or for good.
        self.good("import sys; sys.stdout.flush = sys.stderr.flush = lambda: None")
        self._client.shutdown()
        assert process.wait(LONG) == 0
        self._client.stop_channels()
        self.manager.cleanup_resources()
        self._called.close()
        self._log.close()


@pytest.fixture(scope="module")
def kernel(interruptible: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    kernel = Kernel(tmp_path_factory.mktemp("kernel") / "stderr")
    kernel.prepare()
    yield kernel
    kernel.good("lab.close()")
    kernel.exit()
    assert kernel.said() == []


@pytest.mark.parametrize("name", CELLS)
def test_after_an_interrupted_cell_the_lab_works(kernel: Kernel, name: str) -> None:
    line, under_way = CELLS[name]
    output, error = kernel.run(f"when({under_way})\n{line}", interrupt=True)
    assert error == "KeyboardInterrupt", output
    kernel.good("alice.connect(bob)")
    assert "works" in kernel.good("works()")


def test_a_close_that_is_interrupted_has_closed_the_lab(kernel: Kernel) -> None:
    kernel.good("lab.start_nodes(20); lab.wire('ring', nodes=lab.nodes[-20:])")
    _, error = kernel.run("when(call('_stop_all'))\nlab.close()", interrupt=True)
    assert error in ("KeyboardInterrupt", "")  # it may be quicker than the interrupt
    kernel.good("lab.close()")
    kernel.good("[thread.join() for thread in asked]")
    assert kernel.good("assert lab.closed; tuple(now - then for now, then in zip(left(), before))") == "(0, 0)"
    kernel.good(OPEN)
    assert "works" in kernel.good("works()")


def test_after_a_restart_the_kernel_is_new_and_the_same_lab_can_be_made(kernel: Kernel) -> None:
    kernel.restart()
    kernel.prepare()
    assert "works" in kernel.good("works()")


def test_a_kernel_with_an_open_lab_exits_by_itself_and_silently(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path / "stderr")
    kernel.prepare()
    kernel.good("threading.Thread(target=news.get, kwargs={'timeout': None}, daemon=True).start()")
    kernel.exit()
    assert kernel.said() == []
