"""The command line: what it prints, its JSON, its exit codes; verify, which can fail; doctor, which says what to do."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab, Node
from p2plab.cli import doctor, laboratory, main, verify
from p2plab.errors import MissingExtraError, ValidationError

ROOT = Path(__file__).parents[3]

Capture = pytest.CaptureFixture[str]


def test_exec_executes_a_command_and_starts_the_nodes_it_names(capsys: Capture) -> None:
    assert main(["exec", "connect", "alice", "bob"]) == 0
    assert capsys.readouterr().out.startswith("peer:           bob")


@pytest.mark.parametrize("verb", ["lab", "run", "diagnose", "doctor"])
def test_a_verb_s_help_begins_with_what_it_does(capsys: Capture, verb: str) -> None:
    assert main(["--help"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.split()[:1] == [verb]]
    assert main([verb, "--help"]) == 0
    assert " ".join(line.split()[1:])[:40].lower() in " ".join(capsys.readouterr().out.split()).lower()


def test_exec_gives_the_envelope_as_json(capsys: Capture) -> None:
    assert main(["exec", "--json", "libp2p_connect_peer", "alice", "bob"]) == 0
    envelope = json.loads(capsys.readouterr().out)
    assert (envelope["success"], envelope["command"]) == (True, "libp2p_connect_peer")
    assert set(envelope["result"]) == {"connected", "peer_id"}
    assert main(["exec", "peers", "alice", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["count"] == 0


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["connect", "alice", "/ip4/zz/tcp/1"], 1, "AddressError"),
        (["network_set_link", "latency=-1"], 1, "latency='-1' is refused"),
        (["conect"], 2, "did you mean connect"),
        ([], 2, "exec needs a command"),
        (["publish", "alice", "news", "a", "b"], 2, "one value too many"),
    ],
)
def test_exec_says_what_went_wrong_and_how_badly(capsys: Capture, words: list[str], code: int, error: str) -> None:
    assert main(["exec", *words]) == code
    printed = capsys.readouterr()
    assert error in printed.err
    assert printed.out == ""


def test_with_json_an_error_is_json_too(capsys: Capture) -> None:
    assert main(["exec", "--json", "conect"]) == 2
    assert json.loads(capsys.readouterr().out)["error_type"] == "ValidationError"


def test_exec_takes_the_lab_s_seed_and_settings(capsys: Capture) -> None:
    ids = []
    for seed in ("1", "1", "2"):
        assert main(["exec", "--seed", seed, "--json", "get_node_id"]) == 0
        ids.append(json.loads(capsys.readouterr().out)["result"]["node_id"])
    assert ids[0] == ids[1] != ids[2]
    assert main(["exec", "--set", "latency=0.1", "--json", "ping", "alice", "bob"]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["seconds"] == pytest.approx(0.2)
    assert main(["exec", "--set", "latency", "nodes"]) == 2
    assert main(["exec", "--set", "colour=red", "nodes"]) == 2
    assert "has no setting 'colour'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    [
        "exec --json --seed 3 ping alice bob",
        "exec ping alice bob --json --seed 3",
        "exec ping --seed=3 alice --json bob",
        "exec --seed 3 ping alice bob --set latency=0.02 --backend mock --json",
    ],
)
def test_options_of_exec_stand_before_its_command_or_after_it(capsys: Capture, line: str) -> None:
    assert main(line.split()) == 0
    assert json.loads(capsys.readouterr().out)["result"] == {"peer": "bob", "seconds": 0.04}


def test_what_follows_two_dashes_is_no_option(capsys: Capture) -> None:
    assert main(["exec", "publish", "alice", "news", "--json", "--", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["message_size"] == len("--json")


def test_a_node_alone_that_would_be_both_ends_is_told_to_name_both(capsys: Capture) -> None:
    for command in ("connect", "ping", "identify"):
        assert main(["exec", command, "alice"]) == 1
        said = capsys.readouterr().err
        assert f"{command}: alice alone would be both ends" in said
        assert f"name both: {command} [NODE] PEER" in said


@pytest.mark.real
def test_exec_works_in_a_real_lab(capsys: Capture) -> None:
    assert main(["exec", "--backend", "real", "--json", "connect", "alice", "bob"]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["remote_address"].startswith("/ip4/127.0.0.1/tcp/")


@pytest.mark.parametrize(("expected", "code"), [("1", 0), ("2", 1)])
def test_run_passes_or_fails_with_its_expectations(tmp_path: Path, capsys: Capture, expected: str, code: int) -> None:
    script = tmp_path / "line.p2p"
    script.write_text(f"lab mock seed=5\nstart_nodes 2\nwire line\nexpect edges == {expected}\n")
    assert main(["run", str(script)]) == code
    assert ("PASSED" if code == 0 else "FAILED") in capsys.readouterr().out.splitlines()[0]
    assert main(["run", "--json", str(script)]) == code
    assert json.loads(capsys.readouterr().out)["passed"] is (code == 0)


def test_run_reads_a_script_from_the_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("start_node alice\nexpect nodes == 1\n"))
    assert main(["run", "-"]) == 0
    assert "standard input: PASSED" in capsys.readouterr().out


def test_run_takes_options_before_what_the_script_says(tmp_path: Path, capsys: Capture) -> None:
    script = tmp_path / "seed.p2p"
    script.write_text("lab mock seed=5\nlab_info\nexpect result.seed == 6\n")
    assert main(["run", str(script)]) == 1
    assert main(["run", "--seed", "6", str(script)]) == 0
    capsys.readouterr()


def test_a_script_that_cannot_be_read_is_exit_code_2(tmp_path: Path, capsys: Capture) -> None:
    script = tmp_path / "bad.yaml"
    script.write_text("- conect: bob\n")
    assert main(["run", str(script)]) == 2
    assert f"{script}, step 1: there is no command 'conect'" in capsys.readouterr().err
    assert main(["run", str(tmp_path / "none.p2p")]) == 2


@pytest.mark.parametrize("backend", ["mock", pytest.param("real", marks=pytest.mark.real)])
def test_the_demonstration_passes(capsys: Capture, backend: str) -> None:
    assert main(["demo", "--backend", backend, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["passed"] is True
    assert sum("value" in step for step in report["steps"]) >= 4


def test_the_demonstration_shows_the_python_of_each_step(capsys: Capture) -> None:
    assert main(["demo"]) == 0
    assert 'in Python: lab["n1"].dht.put("/lab/greeting", "hi from n1")' in capsys.readouterr().out


def test_commands_are_listed_and_explained(capsys: Capture) -> None:
    assert main(["commands"]) == 0
    assert "connect_peer" in capsys.readouterr().out
    assert main(["commands", "ping"]) == 0
    assert "ping [NODE] PEER" in capsys.readouterr().out
    assert main(["commands", "pong", "--json"]) == 2
    assert main(["commands", "--json"]) == 0
    capsys.readouterr()


def test_nonsense_is_exit_code_2(capsys: Capture) -> None:
    assert main([]) == 2
    assert main(["fly"]) == 2
    assert main(["--version"]) == 0
    assert "p2plab 0." in capsys.readouterr().out


@pytest.mark.dear
def test_python_m_p2plab_is_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "p2plab", "exec", "--json", "nodes"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["result"] == {"nodes": [], "count": 0}


# -- lab


def test_lab_opens_jupyterlab_on_the_loopback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = laboratory.jupyter("", 8899, True)
    assert command[1:4] == ["-m", "jupyterlab", "--ServerApp.ip=127.0.0.1"]
    assert {"--ServerApp.port=8899", "--no-browser", f"--ServerApp.root_dir={tmp_path}"} <= set(command)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "00_tour.ipynb").write_text("{}")
    assert "--LabApp.default_url=/lab/tree/notebooks/00_tour.ipynb" in laboratory.jupyter("", None, False)
    for target, port in (("none.ipynb", None), ("", 70_000)):
        with pytest.raises(ValidationError):
            laboratory.jupyter(target, port, False)


def test_lab_gives_jupyterlab_s_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    started: list[list[str]] = []

    def call(command: list[str]) -> int:
        started.append(command)
        return 3

    monkeypatch.setattr("p2plab.cli.laboratory.subprocess.call", call)
    assert main(["lab", "--no-browser"]) == 3
    assert "--no-browser" in started[0]
    monkeypatch.setattr("p2plab.cli.laboratory.importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError):
        laboratory.open_laboratory("", None, True)
    assert main(["lab"]) == 2
    assert "p2plab[lab]" in capsys.readouterr().err


# -- lessons


def test_lessons_are_copied_and_what_is_there_already_is_kept(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "course"
    assert main(["lessons", str(folder)]) == 0
    names = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert sorted(path.name for path in folder.iterdir()) == names
    (folder / names[0]).write_text("worked on")
    assert f"p2plab lab {folder}" in capsys.readouterr().out
    assert main(["lessons", str(folder)]) == 0
    assert f"kept   {folder / names[0]}" in capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == names
    assert (folder / names[0]).read_text() == "worked on"


def test_lessons_that_cannot_be_copied_say_why(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "file").touch()
    for arguments, said in ((["lessons"], "name it"), (["lessons", str(tmp_path / "file")], "File exists")):
        assert main(arguments) == 2
        assert said in capsys.readouterr().err


# -- verify


def _verified(capsys: Capture, backend: str) -> tuple[int, dict[str, Any]]:
    code = main(["verify", "--backend", backend, "--json"])
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, told


@pytest.mark.parametrize("backend", ["mock", pytest.param("real", marks=pytest.mark.real)])
def test_verify_passes_every_step(capsys: Capture, backend: str) -> None:
    code, told = _verified(capsys, backend)
    assert [step for step in told["steps"] if step["status"] != "PASSED"] == []
    assert code == 0
    stages = {step["stage"] for step in told["steps"]}
    assert stages == {"components", "commands", "pubsub", "content announcement", "connections", "dht", "streams"}


def test_without_py_libp2p_its_steps_are_skipped_with_the_reason(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "HAS_LIBP2P", False)
    code, told = _verified(capsys, "both")
    skipped = [step for step in told["steps"] if step["status"] == "SKIPPED"]
    assert code == 0
    assert {step["backend"] for step in skipped} == {"real"}
    assert all("pip install 'p2plab[real]'" in step["why"] for step in skipped)


def test_a_message_that_reaches_nobody_fails_verify(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    published = Node.publish

    def publish_elsewhere(self: Node, topic: str, data: bytes | str) -> Any:
        return published(self, f"{topic} of another world", data)

    monkeypatch.setattr(Node, "publish", publish_elsewhere)
    code, told = _verified(capsys, "mock")
    failed = [step for step in told["steps"] if step["status"] == "FAILED"]
    assert code == 1
    assert [step["stage"] for step in failed] == ["pubsub"]
    assert failed[0]["why"].startswith("TimeoutError")


def test_an_announcement_that_does_nothing_fails_verify(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    execute = Lab.execute_command

    def pretend(self: Lab, name: str, /, **arguments: Any) -> dict[str, Any]:
        if name != "libp2p_announce_content":
            return execute(self, name, **arguments)
        result = {"announced": True, "cid": arguments["cid"]}
        return {"success": True, "command": name, "timestamp": 0.0, "time": 0.0, "result": result}

    monkeypatch.setattr(Lab, "execute_command", pretend)
    code, told = _verified(capsys, "mock")
    assert code == 1
    assert [step["stage"] for step in told["steps"] if step["status"] == "FAILED"] == ["content announcement"]


def test_verify_prints_a_line_a_step(capsys: Capture) -> None:
    assert main(["verify", "--backend", "mock"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("PASSED   components")
    assert lines[-2].split() == ["FAILED", "0"]


# -- doctor


def test_doctor_finds_what_is_installed(capsys: Capture) -> None:
    pytest.importorskip("libp2p", reason="py-libp2p is not installed")
    assert main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["healthy"] is True
    found = {finding["what"]: finding for finding in told["findings"]}
    assert found["Python"]["status"] == found["pydantic (needed)"]["status"] == found["mock nodes"]["status"] == "OK"
    assert main(["doctor"]) == 0
    assert "UDP on the loopback" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("requirement", "status", "advice"),
    [
        ("no-such-package-of-ours>=1; extra == 'lab'", "MISSING", "pip install 'p2plab[lab]'"),
        ("no-such-package-of-ours>=1", "PROBLEM", "pip install --upgrade p2plab"),
        ("pytest>=999.1", "PROBLEM", "pip install --upgrade 'pytest>=999.1'"),
        ("pytest>=1; extra == 'test'", "OK", ""),
    ],
)
def test_doctor_says_what_to_do_about_a_package(
    monkeypatch: pytest.MonkeyPatch, requirement: str, status: str, advice: str
) -> None:
    monkeypatch.setattr(
        "p2plab.cli.doctor.metadata.requires", lambda name: [requirement, "libp2p>=1; python_version < '3.9'"]
    )
    _, finding = doctor._packages()
    assert finding.status == status
    assert advice in finding.advice


def test_doctor_in_a_browser_s_kernel_asks_for_nothing_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p2plab.cli.doctor.sys.platform", "emscripten")
    asked = [finding.what.partition(" ")[0] for finding in doctor._packages()]
    assert {"base58", "protobuf"} <= set(asked)
    assert not {"cryptography", "multiaddr"} & set(asked)


def test_a_problem_is_exit_code_1(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    old = types.SimpleNamespace(**{**vars(sys), "version_info": (3, 9, 0)})  # for the doctor alone, not for its imports
    monkeypatch.setattr("p2plab.cli.doctor.sys", old)
    assert main(["doctor"]) == 1
    printed = capsys.readouterr().out
    assert "p2plab needs Python 3.10 or newer" in printed
    assert re.search(r"\d problems; the last column says what to do", printed)  # so old a Python may also lack tomli


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["grade", ".", "--seconds", "nan"], "seconds for a file is a number above 0"),
        (["grade", ".", "--seconds", "-1"], "seconds for a file is a number above 0"),
        (["grade", ".", "--megabytes", "-5"], "megabytes for a file is a whole number from 256 up"),
        (["grade", ".", "--csv", "nowhere/marks.csv"], "the marks cannot be written to nowhere/marks.csv"),
        (["diagnose", "/ip4/127.0.0.1/tcp/1", "--seconds", "nan"], "timeout must be a number of seconds from 0 up"),
        (["diagnose", "/ip4/127.0.0.1/tcp/1", "--seconds", "0"], "a timeout above 0 seconds"),
        (["open", "--notebook", "nowhere.p2plab"], "nowhere.p2plab cannot be opened"),
        (["open", "--notebook", "damaged.p2plab"], "is of no kind that p2plab opens"),
        (["open", "packed.gz"], "packed.gz cannot be opened"),
        (["open", "damaged.p2plab", "--until", "end"], "'end' is no number of seconds, nor the word failure"),
        (["run", "empty.p2p"], "empty.p2p has no command and no expectation in it"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_a_mistake_in_a_shell_costs_a_sentence(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("damaged.p2plab").write_bytes(b"no run at all")
    Path("packed.gz").write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + b"\xff" * 40)
    Path("empty.p2p").write_text("# nothing yet\n")
    assert main(words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.dear
@pytest.mark.parametrize(
    ("output", "said"), [(">&-", "there is no standard output"), (">/dev/full", "cannot be written")]
)
def test_an_output_that_takes_nothing_is_said(output: str, said: str) -> None:
    if not Path("/dev/full").exists():
        output, said = ">&-", "there is no standard output"
    shell = f"exec '{sys.executable}' -m p2plab commands {output}"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr


def test_an_interrupt_while_modules_are_loaded_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def load(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "p2plab.cli.parser")
    monkeypatch.setattr("builtins.__import__", load)
    code = main(["nodes"])
    monkeypatch.undo()
    assert (code, capsys.readouterr().err) == (130, "p2plab: interrupted\n")


def test_the_doctor_finds_p2plab_that_is_on_the_path_and_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    from p2plab.cli.doctor import findings

    def requires(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", requires)
    (found,) = [finding for finding in findings(load=False) if finding.what == "p2plab"]
    assert (found.status, found.found) == ("OK", f"{p2plab.__version__}, on the path and not installed")
