"""``%p2p`` and ``%%p2p`` in a shell of IPython: commands, scripts, errors, completion, and which lab is meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import p2plab
from p2plab import Lab
from p2plab.api import default
from p2plab.api.magics import P2pMagic, Shown


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Any]:
    """A shell with the magics and a mock lab called ``lab``, in which alice and bob run. It writes no history."""
    make: Any = InteractiveShell  # untyped
    shell = make(ipython_dir=str(tmp_path), config=Config({"HistoryManager": {"enabled": False}}))
    p2plab.load_ipython_extension(shell)
    with Lab(seed=7) as lab:
        lab.start_node("alice")
        lab.start_node("bob")
        shell.user_ns["lab"] = lab
        yield shell


def run(shell: Any, code: str) -> Any:
    """The value of a cell, which must succeed."""
    result = shell.run_cell(code)
    assert result.success, result.error_in_exec or result.error_before_exec
    return result.result


def offered(shell: Any, code: str) -> list[str]:
    """What the Tab key makes of the last line."""
    with provisionalcompleter():
        found = list(shell.Completer.completions(code, len(code)))
    start = code.rfind("\n") + 1
    return [code[start : completion.start] + completion.text for completion in found]


def test_a_line_executes_a_command_and_shows_its_result(shell: Any) -> None:
    shown = run(shell, "%p2p connect alice bob")
    assert isinstance(shown, Shown)
    assert shell.user_ns["lab"].edges() == [("alice", "bob")]
    assert shown["peer"] == "bob"
    assert repr(shown).startswith("peer:           bob\n")
    assert shown._repr_html_().startswith('<div class="tex2jax_ignore mathjax_ignore"><pre>peer: ')
    assert shown._repr_svg_() is None


def test_a_lookup_is_shown_as_a_picture_too(shell: Any) -> None:
    run(shell, "%p2p connect alice bob")
    assert "<svg" in (run(shell, "%p2p dht_put alice /lab/x hi")._repr_svg_() or "")


def test_what_a_peer_chose_is_escaped(shell: Any) -> None:
    run(shell, "%p2p subscribe bob '<script>alert(1)</script>'")
    html = run(shell, "%p2p topics bob")._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_without_a_command_all_are_listed(shell: Any) -> None:
    assert run(shell, "%p2p").result["count"] > 50


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("%p2p connect alice nobody", "UnknownNodeError: "),
        ("%p2p conect alice", "did you mean connect"),
        ("%p2p -l nothing nodes", "-l nothing: nothing is no lab"),
        ("%%p2p\nconect alice\n", "line 1: there is no command 'conect'"),
        ("%%p2p\nexpect edges == 7\n", "edges is 0, not == 7"),
        ("%%p2p\nlab seed=3\nnodes\n", "a cell runs in the lab there is"),
    ],
)
def test_what_fails_is_an_error_of_the_cell_in_one_line(
    shell: Any, capsys: pytest.CaptureFixture[str], code: str, error: str
) -> None:
    result = shell.run_cell(code)
    assert not result.success
    assert error in str(result.error_in_exec)
    assert "Traceback" not in capsys.readouterr().err


def test_a_cell_is_a_script(shell: Any) -> None:
    script = "connect alice bob\nsubscribe bob news\n@1s publish alice news hi\nexpect delivered == 1 within 1s"
    shown = run(shell, f"%%p2p greeting\n{script}")
    assert shown.result["passed"] is True
    assert repr(shown).startswith("greeting: PASSED")


def test_another_lab_is_named_with_l(shell: Any) -> None:
    with Lab(seed=8) as other:
        shell.user_ns["other"] = other
        run(shell, "%p2p -l other start_node zoe")
        assert [node.name for node in other.nodes] == ["zoe"]
        run(shell, "%%p2p -l other\nstart_node yan\n")
        assert len(other.nodes) == 2


def test_an_async_lab_is_driven_too(shell: Any) -> None:
    shell.user_ns["lab"] = shell.user_ns["lab"].aio
    assert run(shell, "%p2p connect alice bob")["peer"] == "bob"


def test_which_lab_is_meant(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    magic = P2pMagic(shell)
    lab = shell.user_ns.pop("lab")
    shell.user_ns["network"] = lab
    assert magic.lab() is lab, "the only lab there is"
    with Lab() as fallback:
        monkeypatch.setattr(default, "_lab", fallback)
        shell.user_ns["second"] = Lab(seed=1)
        assert magic.lab() is fallback, "of two labs, neither is called lab"
        shell.user_ns["second"].close()
        assert magic.lab() is lab, "one of the two is closed"


@pytest.mark.parametrize(
    ("code", "options"),
    [
        ("%p2p conn", ["%p2p connect", "%p2p connect_peer", "%p2p connections"]),
        ("%p2p connect al", ["%p2p connect alice"]),
        ("%p2p wire nodes=alice,b", ["%p2p wire nodes=alice,bob"]),
        ("%p2p restart alice state=l", ["%p2p restart alice state=lost"]),
        ("%p2p -l lab connect b", ["%p2p -l lab connect bob"]),
        ("%%p2p\nstart_node zoe\nconnect b", ["connect bob"]),
        ("%%p2p\n@5s - connect b", ["@5s - connect bob"]),
        ("%p2p run 5 zzz", []),
    ],
)
def test_the_tab_key_completes_commands_and_what_the_lab_knows(shell: Any, code: str, options: list[str]) -> None:
    assert offered(shell, code) == options


def test_completing_leaves_other_cells_alone_and_starts_no_lab(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "import" in offered(shell, "impor")
    del shell.user_ns["lab"]
    monkeypatch.setattr(default, "_lab", None)
    assert "%p2p connect alice" not in offered(shell, "%p2p connect al")
    assert default._lab is None


def test_loading_again_changes_nothing(shell: Any) -> None:
    matchers = len(shell.Completer.custom_matchers)
    p2plab.load_ipython_extension(shell)
    assert len(shell.Completer.custom_matchers) == matchers
