"""What the README shows and names: its example runs in both worlds, whatever the seed, and its files are there."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import p2plab
from p2plab import Lab

ROOT = Path(p2plab.__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("seed", [0, 7])
def test_the_example_does_what_it_says(
    new_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.setattr(p2plab, "Lab", partial(new_lab, seed=seed))
    exec(compile(code.replace("Lab(seed=7)", "Lab()"), "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert "from alice" in said
    assert "n7 did get it" in said


def test_every_file_and_folder_it_names_is_there() -> None:
    named = re.findall(r"`((?:p2plab|widgets|notebooks|tests|fixtures|binder)/[^`]*|[A-Z]+\.md)`", README)
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_guide_is_named() -> None:
    guides = [path.relative_to(ROOT).as_posix() for path in (ROOT / "p2plab").rglob("*.md")]
    assert [guide for guide in guides if f"`{guide}`" not in README] == []


def test_it_or_the_page_for_developers_tells_of_every_target_of_make() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^# make (\w+) ", makefile, re.MULTILINE)
    assert {"lab", "test", "bench", "soak"} <= set(targets)
    assert [target for target in targets if f"make {target}" not in README + CONTRIBUTING] == []


def test_pytest_runs_the_same_tests_with_make_and_without() -> None:
    selections = r"pytest.* -m \"([^\"]*)\" (tests\S+)"
    by_hand = {(marks, folder.replace("\\", "/")) for marks, folder in re.findall(selections, CONTRIBUTING)}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(PYTEST)", "pytest")
    assert len(by_hand) == 3
    assert by_hand <= set(re.findall(selections, makefile))
