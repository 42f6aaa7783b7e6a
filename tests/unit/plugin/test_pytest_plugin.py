"""The plugin for pytest, in runs of pytest of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import p2plab

pytest_plugins = ("pytester",)


@pytest.fixture
def run(pytester: pytest.Pytester, request: pytest.FixtureRequest) -> Any:
    """Run pytest on a file, with the plugin, as somebody whose warnings are errors; returns the result."""
    loaded = request.config.pluginmanager.hasplugin("p2plab")  # where p2plab is installed, by its entry point
    pytester.makeini("[pytest]\nfilterwarnings = error\nxfail_strict = true\naddopts = --strict-markers")

    def runs(*args: str, **files: str) -> pytest.RunResult:
        for name, text in files.items():
            pytester.path.joinpath(name.replace("__", ".")).write_text(text, encoding="utf-8")
        plugin = () if loaded else ("-p", "p2plab.pytest_plugin")
        return pytester.runpytest(*plugin, "-p", "no:cacheprovider", *args)

    return runs


PASSING = """
import pytest

def test_a_lab_is_there(lab):
    alice, bob = lab.start_nodes(2)
    alice.connect(bob)
    lab.expect("connected(n0, n1)")
    assert (lab.backend, lab.seed) == ("mock", 0)

@pytest.mark.p2plab(seed=7, latency=0.1)
def test_the_marker_says_which(lab, lab_factory):
    assert lab.seed == 7
    alice, bob = lab.start_nodes(2)
    alice.connect(bob)
    assert alice.ping(bob) == pytest.approx(0.2)
    other = lab_factory(seed=8)
    assert (other.seed, other is lab) == (8, False)

@pytest.mark.p2plab(seeds=range(3))
def test_every_seed(lab, p2plab_seed):
    assert lab.seed == p2plab_seed

@pytest.mark.p2plab(seed=5)
class TestClass:
    def test_of_a_class(self, lab):
        assert lab.seed == 5

    @pytest.mark.p2plab(seed=6)
    def test_the_nearest_marker_counts(self, lab):
        assert lab.seed == 6
"""

FAILING = """
import pytest

@pytest.mark.p2plab(seeds=[3, 4])
def test_it_arrives(lab):
    nodes = lab.start_nodes(3)
    lab.wire("line")
    inbox = [node.subscribe("news") for node in nodes]
    lab.run(1)
    lab.network.partition([nodes[0]], nodes[1:])
    nodes[0].publish("news", "x" * lab.seed)
    lab.expect("delivered to n2 within 2s")
"""


def test_labs_are_fixtures_whose_markers_say_which(run: Any) -> None:
    run(test_it__py=PASSING).assert_outcomes(passed=7)


@pytest.mark.dear
def test_a_failure_shows_its_seed_how_to_play_it_again_and_the_end_of_its_log(run: Any) -> None:
    result = run(test_it__py=FAILING)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*ExpectationError: expected delivered to n2 within 2s: delivered.to(n2) is 0*",
            "*- p2plab -*",
            "the mock lab had the seed 3; again: python -m pytest 'test_it.py::test_it_arrives[[]seed=3[]]'",
            "the run is in p2plab-runs/test_it.py-test_it_arrives-seed=3.p2plab: p2plab open *",
            "the last 15 of * events:",
            "*n0  pubsub.publish*",
        ]
    )
    result.stdout.no_fnmatch_line("*def face(*")  # the user's line is the last that is shown


@pytest.mark.dear
def test_the_line_that_is_shown_runs_the_same_test_again(run: Any, pytester: pytest.Pytester) -> None:
    shown = run(test_it__py=FAILING).stdout.str()
    again = re.findall(r"again: python -m pytest '([^']+)'", shown)
    assert len(again) == 2
    run(again[1]).assert_outcomes(failed=1)


def test_the_run_that_is_written_opens_where_it_failed(run: Any, pytester: pytest.Pytester) -> None:
    run(test_it__py=FAILING)
    files = sorted((pytester.path / "p2plab-runs").iterdir())
    assert [file.name for file in files] == [f"test_it.py-test_it_arrives-seed={seed}.p2plab" for seed in (3, 4)]
    lab = p2plab.open(files[1], until="failure")
    assert lab.seed == 4
    assert lab.now == 3.0
    assert [event.size for event in lab.events.filter(kind="pubsub.publish")] == [4]
    with pytest.raises(AssertionError):
        lab.expect("delivered to n2")


def test_nothing_is_written_where_that_is_asked_for_and_elsewhere_where_that_is(
    run: Any, pytester: pytest.Pytester
) -> None:
    run("--p2plab-runs=none", test_it__py=FAILING).stdout.fnmatch_lines(["the run was not written*"])
    assert not (pytester.path / "p2plab-runs").exists()
    run("--p2plab-runs=here/runs")
    assert len(list((pytester.path / "here" / "runs").iterdir())) == 2


def test_what_is_expected_to_fail_writes_nothing(run: Any, pytester: pytest.Pytester) -> None:
    source = FAILING.replace("@pytest.mark.p2plab", "@pytest.mark.xfail\n@pytest.mark.p2plab")
    run(test_it__py=source).assert_outcomes(xfailed=2)
    assert not (pytester.path / "p2plab-runs").exists()


def test_a_run_that_cannot_be_written_is_said_and_hides_nothing(run: Any, pytester: pytest.Pytester) -> None:
    (pytester.path / "p2plab-runs").write_text("a file is in the way")
    result = run(test_it__py=FAILING)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["the run could not be written to *", "the last 15 of *"])


def test_a_marker_that_makes_no_sense_is_told(run: Any) -> None:
    for mark, told in (("seeds=[]", "names no seeds"), ("7", "takes names, as in p2plab(seed=7)")):
        source = f"import pytest\n\n@pytest.mark.p2plab({mark})\ndef test_it(lab):\n    pass\n"
        result = run(test_it__py=source)
        assert told in result.stdout.str() + result.stderr.str()
        assert result.ret != 0
    source = "import pytest\n\n@pytest.mark.p2plab(latenzy=1)\ndef test_it(lab):\n    pass\n"
    run(test_it__py=source).stdout.fnmatch_lines(["*latenzy*latency*"])


SCRIPT = """lab mock seed=7
start_nodes 4
wire ring
subscribe_all news
@1s publish n0 news hello
expect delivered to n1, n2, n3 within 5s
expect duplicates below 10
"""


def test_scripts_are_collected_and_pass(run: Any) -> None:
    result = run("-v", good__p2p=SCRIPT)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["good.p2p::script PASSED*"])


def test_a_script_that_fails_shows_its_steps_and_writes_its_run(run: Any, pytester: pytest.Pytester) -> None:
    result = run(bad__p2p=SCRIPT + "expect edges above 20\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*PASSED  expect delivered to n1, n2, n3 within 5s*",
            "*FAILED  expect edges above 20*(edges is 4, not above 20)",
        ]
    )
    result.stdout.fnmatch_lines(["the mock lab had the seed 7; again: python -m pytest bad.p2p::script"])
    result.stdout.no_fnmatch_line("*Traceback*")
    (written,) = (pytester.path / "p2plab-runs").iterdir()
    assert len(p2plab.open(written).nodes) == 4


@pytest.mark.dear
def test_a_script_that_cannot_be_read_is_an_error_of_collection(run: Any) -> None:
    result = run(worse__p2p="strat_nodes 4\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*worse.p2p, line 1*no command 'strat_nodes'*"])


@pytest.mark.slow
def test_many_processes_write_each_its_own(run: Any, pytester: pytest.Pytester) -> None:
    source = FAILING.replace("[3, 4]", "range(4)")
    result = run("-n", "2", test_it__py=source)
    result.assert_outcomes(failed=4)
    assert len(list((pytester.path / "p2plab-runs").iterdir())) == 4


def test_loading_it_brings_in_nothing_of_p2plab_but_itself() -> None:
    code = (
        "import json, sys, pytest, _pytest.config; before = set(sys.modules); import p2plab.pytest_plugin; "
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["p2plab", "p2plab.constants", "p2plab.pytest_plugin"]


def test_the_entry_point_is_declared() -> None:
    text = (Path(p2plab.__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert '[project.entry-points.pytest11]\np2plab = "p2plab.pytest_plugin"\n' in text


def test_the_workflow_in_the_docs_keeps_the_folder_that_runs_are_written_to() -> None:
    import yaml

    from p2plab.pytest_plugin import FOLDER

    text = (Path(p2plab.__file__).parents[1] / "docs" / "github-workflow.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(text)["jobs"]["pytest"]["steps"]
    kept = [step for step in steps if "upload-artifact" in step.get("uses", "")]
    assert [(step["if"], step["with"]["path"]) for step in kept] == [("failure()", f"{FOLDER}/")]
    assert any("pytest -n auto" in step.get("run", "") for step in steps)


def test_the_example_in_the_docs_passes(run: Any) -> None:
    text = (Path(p2plab.__file__).parents[1] / "docs" / "testing-with-pytest.md").read_text(encoding="utf-8")
    python, script = re.findall(r"```(?:python)?\n(.*?)```", text, re.DOTALL)[:2]
    mocked = python.replace('["mock", "real"]', '["mock"]')
    run(test_it__py=mocked, it__p2p=script).assert_outcomes(passed=9)
