"""What a real lab leaves behind when it is closed, or never closed, or its nodes and connections go: nothing."""

from __future__ import annotations

import os

import trio
import trio.testing

from p2plab import Lab
from tests.unit.real.script import run_script

WAIT = 20.0

USE = """
    import os, threading
    import p2plab.errors
    from p2plab import Lab

    async def echo(stream):
        while data := await stream.read():
            await stream.write(data)

    def use(lab):
        nodes = lab.start_nodes(4)
        lab.wire("full")
        queues = [node.subscribe("news") for node in nodes]
        nodes[0].handle("/echo/1", echo)
        stream = nodes[1].open_stream(nodes[0], "/echo/1")
        stream.write(b"x")
        assert stream.read() == b"x"
        sent = nodes[2].publish("news", b"hello")
        assert all(queue.get().id == sent.id for queue in queues)
        return stream, queues

    def open_files():
        return len(os.listdir("/dev/fd"))
"""


def tasks() -> int:
    """How many tasks the running trio thread has."""
    root = trio.lowlevel.current_root_task()
    waiting, count = [root], 0
    while waiting:
        task = waiting.pop()
        if task is not None:
            count += 1
            waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return count


def tasks_at_rest(lab: Lab) -> int:
    """How many there are once all that connections begin is done at both ends: identify, and a pubsub stream each way.
    A dial waits for its own end alone."""

    def opened() -> int:
        events = lab.events.filter(kind="stream.opened")
        return sum(str((event.data or {}).get("protocol")).startswith("/meshsub/") for event in events)

    assert lab.run_until(lambda: opened() == 4 * len(lab.edges()), timeout=WAIT)
    lab.world.run(trio.testing.wait_all_tasks_blocked, 0.05)
    return lab.world.read(tasks)


def test_a_closed_lab_leaves_no_thread_no_file_and_no_word() -> None:
    out = run_script(
        USE
        + """
    with Lab("real", seed=1) as lab:  # what the first one imports and opens for good is no leak
        use(lab)
    files = open_files()
    for seed in range(3):
        lab = Lab("real", seed=seed)
        kept = use(lab)
        lab.close()
        lab.close()
    print(threading.active_count(), open_files() - files)
    """
    )
    assert out == "1 0\n"


def test_a_lab_that_is_never_closed_does_not_keep_the_process() -> None:
    out = run_script(
        USE
        + """
    lab = Lab("real")
    kept = use(lab)
    print("end")
    """
    )
    assert out == "end\n"


if hasattr(os, "fork"):

    def test_a_process_that_was_forked_is_told_that_the_lab_is_not_its_own() -> None:
        run_script("""
            import os, warnings
            import p2plab.errors
            from p2plab import Lab

            warnings.simplefilter("ignore")  # of Python's own: fork beside threads is what is tried
            lab = Lab("real", seed=1)
            alice, bob = lab.start_nodes(2)
            alice.connect(bob)
            child = os.fork()
            if not child:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # of sockets that are the parent's
                for ask in (lambda: alice.ping(bob), lambda: lab.nodes, lambda: lab.start_node("carol")):
                    try:
                        ask()
                    except p2plab.errors.ClosedError as error:
                        assert "was forked" in str(error)
                    else:
                        raise AssertionError
                lab.close()
                with Lab("real", seed=2) as own:
                    carol, dave = own.start_nodes(2)
                    carol.connect(dave)
                raise SystemExit(7)  # what runs at the exit finds nothing to end
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
            assert alice.ping(bob) > 0
            lab.close()
        """)


def test_nor_does_one_that_is_forgotten() -> None:
    out = run_script(
        USE
        + """
    import gc
    use(Lab("real"))
    gc.collect()
    print("end")
    """
    )
    assert out == "end\n"


def test_nor_one_whose_cell_ended_in_an_error_with_calls_under_way() -> None:
    out = run_script(
        USE
        + """
    lab = Lab("real")
    stream, queues = use(lab)

    def wait():
        try:
            queues[0].get(timeout=None)
        except p2plab.errors.ClosedError:
            pass

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    assert lab.run_until(lambda: lab.events.filter(kind="lab.command")[-1].data["verb"] == "receive", timeout=20)
    print("end")
    """
    )
    assert out == "end\n"


def test_importing_the_real_world_leaves_the_root_logger_alone() -> None:
    out = run_script(
        USE
        + """
    import logging
    with Lab("real") as lab:
        use(lab)
    print(logging.getLogger().handlers, logging.getLogger().level == logging.WARNING)
    """
    )
    assert out == "[] True\n"


def test_a_node_that_is_stopped_leaves_no_task(lab: Lab) -> None:
    lab.run(0)
    before = lab.world.read(tasks)
    lab.start_nodes(3)
    lab.wire("full")
    for host in lab.world.hosts().values():
        lab.world.run(host.stop)
    assert lab.run_until(lambda: tasks() <= before, timeout=WAIT)


def test_a_connection_that_is_closed_leaves_no_task_at_either_end(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    before = lab.world.read(tasks)
    for _ in range(3):
        alice.connect(bob)
        alice.disconnect(bob)
    assert lab.run_until(lambda: tasks() <= before, timeout=WAIT)


def test_a_stream_that_is_closed_or_reset_leaves_no_task(lab: Lab) -> None:
    alice, bob = lab.start_node("alice"), lab.start_node("bob")
    alice.connect(bob)
    alice.ping(bob)
    before = tasks_at_rest(lab)
    for _ in range(5):
        alice.ping(bob)
        alice.open_stream(bob, "/ipfs/ping/1.0.0").reset()
    assert lab.run_until(lambda: tasks() <= before, timeout=WAIT)
    assert alice.streams() == bob.streams() == []
