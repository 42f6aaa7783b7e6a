"""Interrupting a cell: whatever it waits for, KeyboardInterrupt comes at once and the lab goes on working."""

from __future__ import annotations

import sys

import pytest

from tests.unit.real.script import run_script

pytestmark = pytest.mark.usefixtures("interruptible")

# What to type, and the call that is then under way in the lab's thread.
CASES = {
    "receive": ("queue.get(timeout=None)", "receive"),
    "read": ("silent.read()", "read"),
    "write": ("silent.write(bytes(200_000_000))", "write"),
    "open_stream": ("nodes[0].open_stream(mute, '/echo/1')", "open_stream"),
    "connect": ("nodes[0].connect(mute)", "connect"),
    "run": ("lab.run(10_000)", "sleep"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no signal to send to oneself")
@pytest.mark.parametrize("case", CASES)
def test_an_interrupted_verb_leaves_a_working_lab(case: str) -> None:
    line, call = CASES[case]
    out = run_script(
        f"""
    import os, signal, socket, threading
    import p2plab
    from p2plab.identity.keys import Identity

    async def say_nothing(stream):
        await p2plab.sleep(10_000)

    def under_way():
        return any(task.name == "p2plab {call}" for task in lab.world.portal.nursery.child_tasks)

    lab = p2plab.Lab("real", seed=7)
    nodes = lab.start_nodes(2)
    nodes[0].connect(nodes[1])
    queue = nodes[1].subscribe("news")
    nodes[1].handle("/silent/1", say_nothing)
    silent = nodes[0].open_stream(nodes[1], "/silent/1")
    listener = socket.create_server(("127.0.0.1", 0))
    mute = f"/ip4/127.0.0.1/tcp/{{listener.getsockname()[1]}}/p2p/{{Identity.derive(9, 'x').peer_id}}"

    def interrupt():
        assert lab.run_until(under_way, timeout=60)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        {line}
    except KeyboardInterrupt:
        print("interrupted")
    thread.join()
    assert nodes[0].ping(nodes[1]) > 0
    assert len(nodes[0].connections()) == 1
    nodes[0].publish("news", b"still here")
    assert queue.get().data == b"still here"
    lab.close()
    listener.close()
    print(threading.active_count())
    """
    )
    assert out == "interrupted\n1\n"
