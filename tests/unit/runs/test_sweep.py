"""``p2plab.sweep``: over seeds and parameters, on any executor; failures and interrupts cost nothing that was done."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import AsyncLab, Lab
from p2plab.errors import ValidationError
from p2plab.runs import InThisProcess
from p2plab.runs.progress import Progress

HERE = InThisProcess()


def spread(lab: Lab, degree: int = 2, copies: bool = False) -> dict[str, float]:
    nodes = lab.start_nodes(8)
    lab.wire("random", degree=degree)
    news = [node.subscribe("news") for node in nodes]
    lab.run(2)
    lab["n0"].publish("news", "x")
    lab.run(3)
    last = max(message.received_at for one in news for message in one.messages)
    return {"seconds": last - 2, "reached": sum(len(one.messages) for one in news)}


async def awaited(lab: AsyncLab) -> float:
    nodes = await lab.start_nodes(2)
    return await nodes[0].ping(nodes[1])


def failing(lab: Lab, limit: int = 2) -> int:
    if lab.seed > limit:
        raise LookupError(f"seed {lab.seed} is too much")
    return lab.seed


def test_each_point_is_run_with_each_seed_in_order() -> None:
    table = p2plab.sweep(spread, seeds=(3, 1), grid={"degree": [2, 3], "latency": [0.01, 0.1]}, executor=HERE)
    assert [(run.seed, run.parameters["degree"], run.parameters["latency"]) for run in table] == [
        (seed, degree, latency) for degree in (2, 3) for latency in (0.01, 0.1) for seed in (3, 1)
    ]
    for run in table:
        with Lab(seed=run.seed, latency=run.parameters["latency"]) as lab:
            assert run.values == spread(lab, run.parameters["degree"])
    assert len(table.means()) == 8
    assert table.failures == []


def test_settings_are_every_labs() -> None:
    (slow,) = p2plab.sweep(spread, seeds=[1], executor=HERE, latency=0.5)
    (fast,) = p2plab.sweep(spread, seeds=[1], executor=HERE, latency=0.005)
    assert slow.values["seconds"] > 50 * fast.values["seconds"]


@pytest.mark.dear
def test_processes_give_what_this_one_gives() -> None:
    """The scenario is not importable where they run: it travels."""
    offset = 100

    def local(lab: Lab, degree: int) -> float:
        return spread(lab, degree)["seconds"] + offset

    here = p2plab.sweep(local, seeds=range(3), grid={"degree": [2, 3]}, executor=HERE)
    there = p2plab.sweep(local, seeds=range(3), grid={"degree": [2, 3]}, progress=False)
    assert [run.values for run in there] == [run.values for run in here]
    assert not there.failures


def test_threads_do() -> None:
    with ThreadPoolExecutor(2) as threads:
        table = p2plab.sweep(awaited, seeds=range(4), executor=threads, latency=0.02)
    assert [run.values["value"] for run in table] == [pytest.approx(0.04)] * 4


def test_failures_come_back_with_what_makes_them_again() -> None:
    table = p2plab.sweep(failing, seeds=range(5), grid={"limit": [2, 9]}, executor=HERE)
    assert [(run.seed, dict(run.parameters)) for run in table.failures] == [(3, {"limit": 2}), (4, {"limit": 2})]
    failure = table.failures[0]
    assert failure.error == "LookupError: seed 3 is too much"
    assert "in failing" in failure.traceback
    assert table.reproduce(failure) == "failing(Lab('mock', seed=3), limit=2)"
    with pytest.raises(LookupError, match="seed 3 is too much"):
        eval(table.reproduce(failure))
    assert [mean.runs for mean in table.means()] == [3, 5]


def test_an_async_scenario_is_made_again_with_await() -> None:
    table = p2plab.sweep(awaited, seeds=[1], executor=HERE)
    assert table.reproduce(table[0]) == "await awaited(AsyncLab('mock', seed=1))"


@pytest.mark.parametrize("returned", [None, "1", [1], {"a": "b"}, {1: 2}, 1j])
def test_a_run_that_returns_no_numbers_has_failed(returned: Any) -> None:
    (run,) = p2plab.sweep(lambda lab: returned, seeds=[0], executor=HERE)
    assert run.error.startswith("ValidationError: a scenario returns a number or a dict of numbers")


def test_numbers_of_other_libraries_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    (run,) = p2plab.sweep(lambda lab: {"a": numpy.float32(0.5), "b": numpy.int64(3), "c": True}, [0], executor=HERE)
    assert run.values == {"a": 0.5, "b": 3.0, "c": True}


class Mortal(Executor):
    """Its second worker dies."""

    def __init__(self) -> None:
        self._count = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._count += 1
        future: Future[Any] = Future()
        if self._count == 2:
            future.set_exception(ConnectionResetError("worker lost"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


def test_a_run_whose_worker_died_is_a_failure_among_the_others() -> None:
    table = p2plab.sweep(failing, seeds=range(3), executor=Mortal())
    assert [run.failed for run in table] == [False, True, False]
    assert "its process ended before it was done (ConnectionResetError: worker lost)" in table[1].error


@pytest.mark.dear
def test_a_process_that_dies_is_a_failure() -> None:
    def deadly(lab: Lab) -> None:
        os._exit(3)

    table = p2plab.sweep(deadly, seeds=[1], progress=False)
    assert "BrokenProcessPool" in table[0].error


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_keeps_what_is_finished() -> None:
    def interrupted(lab: Lab) -> int:
        if lab.seed == 3:
            signal.raise_signal(signal.SIGINT)
        return lab.seed

    table = p2plab.sweep(interrupted, seeds=range(6), executor=HERE)
    assert [run.values for run in table] == [{"value": 0}, {"value": 1}, {"value": 2}]
    assert table.missing == [(3, {}), (4, {}), (5, {})]


UNGUARDED = """
import p2plab

print("script")

def scenario(lab):
    return lab.seed * factor

factor = 3
table = p2plab.sweep(scenario, seeds=[1, 2], progress=False)
print([run.values for run in table], table.failures)
"""


@pytest.mark.dear
def test_a_script_needs_no_guard_against_its_own_processes(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["script", "[{'value': 3}, {'value': 6}] []"]


INTERRUPTED = """
import os, signal, sys, threading
from pathlib import Path
import p2plab

def waits(lab):
    if lab.seed:
        Path(sys.argv[1], str(os.getpid())).touch()
        threading.Event().wait()  # for ever
    return 7

def interrupt():
    while not any(Path(sys.argv[1]).iterdir()):
        started.wait(0.02)
    os.kill(os.getpid(), signal.SIGINT)

started = threading.Event()
if __name__ == "__main__":
    threading.Thread(target=interrupt, daemon=True).start()
    table = p2plab.sweep(waits, seeds=range(5), progress=False)
    print([run.values for run in table], len(table.missing))
"""


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_the_processes_and_keeps_what_they_had_done(tmp_path: Path) -> None:
    script, marks = tmp_path / "script.py", tmp_path / "marks"
    script.write_text(INTERRUPTED)
    marks.mkdir()
    done = subprocess.run([sys.executable, str(script), str(marks)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("[{'value': 7}] 4", "[] 5")
    for mark in marks.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(mark.name), 0)


@pytest.mark.slow
def test_a_cluster_of_two_processes_gives_what_this_one_gives() -> None:
    import distributed

    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        executor = client.get_executor()
        there = p2plab.sweep(spread, seeds=range(3), grid={"degree": [2, 3]}, executor=executor, progress=False)
        failed = p2plab.sweep(failing, seeds=[1, 5], executor=executor, progress=False)
        executor.shutdown()
    here = p2plab.sweep(spread, seeds=range(3), grid={"degree": [2, 3]}, executor=HERE)
    assert [run.values for run in there] == [run.values for run in here]
    assert [run.error for run in failed] == ["", "LookupError: seed 5 is too much"]


# -- what cannot be run


@pytest.mark.parametrize("seeds", [[], [1, 1], ["1"], [1.5], [True]])
def test_seeds_are_different_whole_numbers(seeds: Any) -> None:
    with pytest.raises(ValidationError, match="seeds are different whole numbers"):
        p2plab.sweep(spread, seeds=seeds, executor=HERE)


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({"degree": 3}, "a list of values for each parameter, and for 'degree' 3"),
        ({"router": "gossipsub"}, "a list of values for each parameter, and for 'router' 'gossipsub'"),
        ([1], "the grid is a dict of lists of values"),
        ({"degree": []}, "the grid has no values for 'degree'"),
        ({"nothing": [1]}, "'nothing' is neither a parameter of the scenario nor a setting of the lab"),
        ({"seed": [1]}, "'seed' is neither"),
        ({"jitter": [0.001]}, "jitter is in the grid, and is 0.002 too"),
    ],
)
def test_a_grid_has_lists_of_values_for_what_there_is(grid: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        p2plab.sweep(spread, seeds=[1], grid=grid, executor=HERE, jitter=0.002)


def test_what_is_no_preset_and_what_cannot_watch_cost_a_sentence() -> None:
    with Lab(seed=1) as lab:
        with pytest.raises(ValidationError, match="presets is a list"):
            lab.compare_presets(spread, presets=3)  # type: ignore[arg-type]  # that is the point
        with pytest.raises(ValidationError, match="watch is a function of the lab"):
            Lab.replay(lab.history(), watch="lab")  # type: ignore[arg-type]  # that is the point


def test_settings_are_those_of_the_lab() -> None:
    with pytest.raises(ValidationError, match=r"Lab\('mock'\) has no setting 'speed' \(.*\); it takes"):
        p2plab.sweep(spread, seeds=[1], executor=HERE, speed=3)


def test_what_a_scenario_needs_must_be_in_the_grid() -> None:
    def needy(lab: Lab, size: int, *, depth: int) -> int:
        return size * depth

    with pytest.raises(ValidationError, match="the scenario needs size, depth"):
        p2plab.sweep(needy, seeds=[1], executor=HERE)
    (run,) = p2plab.sweep(needy, seeds=[1], grid={"size": [2], "depth": [3]}, executor=HERE)
    assert run.values == {"value": 6}


def test_a_scenario_that_takes_anything_is_given_what_is_no_setting() -> None:
    def anything(lab: Lab, **parameters: float) -> float:
        return parameters["weight"]

    (run,) = p2plab.sweep(anything, seeds=[1], grid={"weight": [2.5], "latency": [0.1]}, executor=HERE)
    assert run.values == {"value": 2.5}


def test_what_cannot_travel_is_said_at_once() -> None:
    import threading

    lock = threading.Lock()
    with pytest.raises(ValidationError, match=r"must be able to travel to another process: .*lock"):
        p2plab.sweep(lambda lab: lock.locked(), seeds=[1])


@pytest.mark.parametrize("executor", ["processes", 3, ThreadPoolExecutor])
def test_an_executor_is_one(executor: Any) -> None:
    with pytest.raises(ValidationError, match=r"executor is one of concurrent\.futures"):
        p2plab.sweep(spread, seeds=[1], executor=executor)


# -- progress


def test_progress_is_one_line_that_goes_when_all_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr("p2plab.api.progress.EVERY", 0.0)
    p2plab.sweep(failing, seeds=range(4), executor=HERE)
    text = shown.getvalue()
    assert "\n" not in text
    lines = text.split("\r")
    assert [" ".join(line.split()[1:3]).rstrip(",") for line in lines if "runs" in line] == [
        "1/4 runs", "2/4 runs", "3/4 runs", "4/4 runs",
    ]  # fmt: skip
    assert "1 failed" in text
    assert text.endswith("\r")
    assert lines[-2].strip() == ""


def test_progress_can_be_off(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p2plab.api.progress.EVERY", 0.0)
    p2plab.sweep(failing, seeds=range(2), executor=HERE, progress=False)
    assert capsys.readouterr().err == ""


def test_progress_says_how_long_it_will_take() -> None:
    line = Progress(10, shown=False)
    for _ in range(4):
        line.advance(failed=False)
    assert line.line(seconds=8.0) == "████████░░░░░░░░░░░░ 4/10 runs, 12 s left"


@pytest.mark.real
@pytest.mark.parametrize("in_grid", [False, True])
def test_the_key_of_a_private_network_is_shown_nowhere(in_grid: bool) -> None:
    key = "ab" * 32
    how: dict[str, Any] = {"grid": {"psk": [key]}} if in_grid else {"psk": key}
    table = p2plab.sweep(failing, seeds=(1, 9), backend="real", executor=HERE, **how)
    assert [run.values for run in table] == [{"value": 1}, {}]
    shown = [repr(table), table._repr_html_(), table.to_pandas().to_string(), *map(table.reproduce, table)]
    shown += [repr(run) for run in table] + [repr(mean) for mean in table.means()]
    assert [text for text in shown if key in text or repr(bytes.fromhex(key)) in text] == []
    assert "<private network " in table.reproduce(table[1])
