"""The stop button: SIGINT in the middle of a run."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

import p2plab
from p2plab import Lab
from p2plab.stream import NetStream

pytestmark = pytest.mark.usefixtures("interruptible")


@pytest.fixture
def busy(lab: Lab) -> Lab:
    lab.start_nodes(2)
    lab.wire("line")
    lab.every(0.01, lambda: None)
    return lab


def press_stop() -> None:
    signal.raise_signal(signal.SIGINT)


def test_the_event_that_runs_is_finished_first(busy: Lab) -> None:
    steps: list[str] = []

    def event() -> None:
        steps.append("before")
        press_stop()
        steps.append("after")

    busy.at(1.0, event)
    busy.at(1.0, steps.append, "the next event")
    with pytest.raises(KeyboardInterrupt):
        busy.run(10)
    assert steps == ["before", "after"]
    assert busy.now == 1.0
    busy.run(1)
    assert steps == ["before", "after", "the next event"]


def test_what_never_comes_is_waited_for_until_the_stop_button(busy: Lab) -> None:
    busy.at(5.0, press_stop)
    with pytest.raises(KeyboardInterrupt):
        busy.run_until(lambda: False)
    assert busy.now == 5.0
    assert busy.run_until(lambda: busy.now > 6)


def test_the_lab_works_afterwards_as_if_nothing_had_been(busy: Lab) -> None:
    alice, bob = busy.nodes
    news = bob.subscribe("news")
    busy.at(5.0, press_stop)
    with pytest.raises(KeyboardInterrupt):
        news.get(timeout=1e6)
    assert alice.ping(bob) > 0
    alice.publish("news", b"x")
    assert news.get().data == b"x"
    assert not busy.events.filter(kind="error")


def test_a_verb_that_was_interrupted_does_not_go_on(busy: Lab) -> None:
    alice, bob = busy.nodes
    read: list[bytes] = []

    async def slow(stream: NetStream) -> None:
        await p2plab.sleep(2)
        await stream.write(b"one")
        read.append(await stream.read())

    bob.handle("/slow/1.0.0", slow)
    stream = alice.open_stream(bob, "/slow/1.0.0")
    busy.at(busy.now + 1, press_stop)
    with pytest.raises(KeyboardInterrupt):
        stream.read()
    assert stream.read() == b"one", "the interrupted read took it"


def test_a_second_press_stops_code_that_never_returns(busy: Lab) -> None:
    def event() -> None:
        press_stop()
        press_stop()
        raise AssertionError("went on")

    busy.at(1.0, event)
    with pytest.raises(KeyboardInterrupt):
        busy.run(10)
    assert busy.now == 1.0
    busy.run(1)
    assert busy.now == 2.0


def test_stepping_can_be_stopped(busy: Lab) -> None:
    busy.at(1.0, press_stop)
    with pytest.raises(KeyboardInterrupt):
        busy.step(1_000_000)
    assert busy.now == 1.0


def test_a_loop_of_short_verbs_can_be_stopped(busy: Lab) -> None:
    published = 0
    busy["n0"].add_validator("news", lambda message: press_stop() if message.data == b"9" else True)
    busy["n0"].subscribe("news")
    with pytest.raises(KeyboardInterrupt):
        for number in range(1_000):
            busy["n0"].publish("news", b"%d" % number)
            published += 1
    assert published == 9


def test_python_s_own_handler_is_back_after_every_verb(busy: Lab) -> None:
    before = signal.getsignal(signal.SIGINT)
    busy.run(1)
    busy["n0"].ping("n1")
    busy.at(busy.now + 1, press_stop)
    with pytest.raises(KeyboardInterrupt):
        busy.run(10)
    assert signal.getsignal(signal.SIGINT) is before


def test_who_ignores_interrupts_is_left_alone(busy: Lab) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        busy.at(1.0, press_stop)
        busy.run(2)
    finally:
        signal.signal(signal.SIGINT, before)
    assert busy.now == 2.0


def test_a_cell_that_waits_for_another_s_run_can_be_stopped(busy: Lab) -> None:
    """The main thread waits its turn while another thread drives; the other's event presses stop."""
    running, stopped = threading.Event(), threading.Event()
    main = threading.get_ident()
    pressed: list[int] = []
    outcome: list[object] = []

    def over() -> bool:
        running.set()
        if driver.submitted > before and not pressed:
            pressed.append(driver.submitted)
            signal.pthread_kill(main, signal.SIGINT)
        return stopped.is_set()

    driver = busy.world.driver  # type: ignore[attr-defined]  # a mock world's
    before = driver.submitted + 1
    thread = threading.Thread(target=lambda: outcome.append(busy.run_until(over, timeout=1e6)))
    thread.start()
    assert running.wait(120)
    with pytest.raises(KeyboardInterrupt):
        busy.run(1e8)
    stopped.set()
    thread.join(120)
    assert outcome == [True]
    assert busy["n0"].ping("n1") > 0


PROGRAM = """
import sys
from p2plab import Lab
with Lab(seed=7) as lab:
    alice, bob = lab.start_nodes(2)
    alice.connect(bob)
    lab.every(0.01, lambda: None)
    lab.at(5.0, lambda: print("running", flush=True))
    try:
        lab.run(1e8)
    except KeyboardInterrupt:
        print("stopped", lab.now >= 5.0, flush=True)
    print("works", alice.ping(bob) > 0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for a single process")
def test_a_process_that_is_sent_sigint_in_a_run_goes_on_with_the_lab() -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert (output, errors, process.returncode) == ("stopped True\nworks True\n", "", 0)
