"""The recipes do their job: the code on each page runs, and prints what stands below it."""

from __future__ import annotations

import contextlib
import io
import linecache
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[2] / "docs" / "recipes"
BLOCK = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)
FIXTURE = re.compile(r"\]\((\.\./\.\./fixtures/[^)]+)\)")
REAL = {"bug-report"}
PAGES = [
    pytest.param(page, id=page.stem, marks=[pytest.mark.slow, *([pytest.mark.real] if page.stem in REAL else [])])
    for page in sorted(RECIPES.glob("*.md"))
    if "```python\n# " not in (text := page.read_text(encoding="utf-8")) and "```python" in text
]


def ran(page: Path) -> Iterator[tuple[str, str]]:
    """What each piece of code on a page printed, and what the page says that it prints."""
    names: dict[str, object] = {"__name__": "recipe"}
    for number, (code, said) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8"))):
        printed = io.StringIO()
        file = f"<{page.stem} {number}>"
        linecache.cache[file] = (len(code), None, code.splitlines(True), file)
        with contextlib.redirect_stdout(printed):
            exec(compile(code, file, "exec"), names)
        yield printed.getvalue(), said


@pytest.mark.parametrize("page", PAGES)
def test_what_the_code_prints_stands_below_it(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FIXTURE.findall(page.read_text(encoding="utf-8")):
        shutil.copy(RECIPES / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    pieces = list(ran(page))
    assert len(pieces) >= 3
    for printed, said in pieces:
        assert printed == said


@pytest.mark.dear
@pytest.mark.parametrize("world", [[], pytest.param(["--real"], marks=pytest.mark.real)], ids=["mock", "real"])
def test_the_plain_script_says_the_same_in_both_worlds(world: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, str(RECIPES / "plain_script.py"), *world], capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "pubsub: alice got 'hello'",
        "pubsub: bob got 'hello'",
        "pubsub: carol got 'hello'",
        "dht: carol found ['alice']",
        "stream: bob says 'hello alice'",
    ]


@pytest.mark.slow
def test_the_tests_of_the_ticket_office_fail_on_some_seeds_and_pass_once_it_is_mended(
    tmp_path: Path,
) -> None:
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # whatever else is installed here
    plugins = ["-p", "p2plab.pytest_plugin", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *plugins, "-q", "-k", "not real"]

    def tested(*options: str) -> tuple[str, int, int]:
        said = subprocess.run(
            [*command, *options], cwd=tmp_path, capture_output=True, text=True, timeout=120, env=alone
        ).stdout
        (last,) = said.strip().splitlines()[-1:]
        counts = {what: int(count) for count, what in re.findall(r"(\d+) (passed|failed)", last)}
        return said, counts.get("passed", 0), counts.get("failed", 0)

    broken, tests, mended = (code for code, _ in BLOCK.findall((RECIPES / "ci-test.md").read_text(encoding="utf-8")))
    (tmp_path / "test_tickets.py").write_text(tests, encoding="utf-8")
    (tmp_path / "tickets.py").write_text(broken, encoding="utf-8")
    said, passed, failed = tested("-x")
    assert (passed, failed) == (1, 1)
    assert "some have the same" in said
    assert "the run is in p2plab-runs" in said
    assert len(list((tmp_path / "p2plab-runs").iterdir())) == 1
    (tmp_path / "tickets.py").write_text(mended, encoding="utf-8")
    assert tested()[1:] == (9, 0)


def test_every_recipe_is_listed() -> None:
    listed = (RECIPES / "index.md").read_text(encoding="utf-8")
    assert PAGES
    for page in RECIPES.glob("*.md"):
        assert page.stem == "index" or (f"({page.name})" in listed and f"\n{page.stem}\n" in listed), page.name
