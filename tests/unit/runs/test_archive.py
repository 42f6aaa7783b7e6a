"""``p2plab archive``: a zip that says how to run a notebook again, and has what that takes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from p2plab.cli import main

CODE = [  # as a study might be
    "import p2plab\nfrom p2plab import Lab",
    "lab = Lab(seed=7)\nlab.start_nodes(3)\nlab.wire('ring')\nlab.run(2)\nprint(lab.events.digest())",
    "def ping(lab):\n    a, b = lab.start_nodes(2)\n    a.connect(b)\n    return a.ping(b)\n\n"
    "table = p2plab.sweep(ping, seeds=range(4), progress=False, keep='kept')\ntable",
    "%time 1\nopen('figures.txt').read()",
]


def notebook(folder: Path, printed: str = "") -> Path:
    outputs: list[list[dict[str, Any]]] = [[] for _ in CODE]
    outputs[1] = [{"output_type": "stream", "name": "stdout", "text": [printed]}]
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown", "id": "t", "metadata": {}, "source": ["# A study of ``rings``\n", "of three"]}
    ]
    for number, source in enumerate(CODE):
        cells.append(
            {
                "cell_type": "code",
                "id": f"c{number}",
                "metadata": {},
                "execution_count": None,
                "outputs": outputs[number],
                "source": source.splitlines(keepends=True),
            }
        )
    path = folder / "study.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
    (folder / "figures.txt").write_text("1 2 3")
    (folder / "other.txt").write_text("not named")
    (folder / "kept").mkdir(exist_ok=True)
    (folder / "kept" / "sweep.json").write_text("{}")
    return path


@pytest.mark.dear
def test_it_has_code_versions_seeds_results_and_how_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["archive", str(notebook(tmp_path, "0123abcd\n"))]) == 0
    assert "2 files that it names" in capsys.readouterr().out
    with zipfile.ZipFile(tmp_path / "study.zip") as whole:
        parts = {name.removeprefix("study/"): whole.read(name) for name in whole.namelist()}
    assert parts.keys() >= {"README.md", "run.sh", "requirements.txt", "results.md", "notebook/study.ipynb"}
    assert parts.keys() >= {"notebook/figures.txt", "notebook/kept/sweep.json", "code/p2plab/__init__.py"}
    assert "code/p2plab_widgets/__init__.py" in parts
    assert not any("other.txt" in name or "__pycache__" in name for name in parts)
    readme = parts["README.md"].decode()
    assert readme.startswith("# A study of ``rings``\n")
    assert "seed=7, seeds=range(4)" in readme
    assert "0123abcd" in parts["results.md"].decode()
    requirements = parts["requirements.txt"].decode().splitlines()
    assert any(line.startswith("anyio==") for line in requirements)
    assert not any(line.startswith("p2plab") for line in requirements)
    lines = [line.split("  ") for line in parts.pop("SHA256SUMS").decode().splitlines()]
    sums = {name: digest for digest, name in lines}
    assert sums == {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
    assert str(tmp_path) not in readme + parts["environment.json"].decode() + parts["run.sh"].decode()


@pytest.mark.dear
def test_the_same_notebook_gives_the_same_bytes(tmp_path: Path) -> None:
    path = notebook(tmp_path)
    for name in ("a.zip", "b.zip"):
        assert main(["archive", str(path), "--output", str(tmp_path / name)]) == 0
    one, other = (
        {info.filename.split("/", 1)[1]: info.CRC for info in zipfile.ZipFile(tmp_path / name).infolist()}
        for name in ("a.zip", "b.zip")
    )
    assert one == other


@pytest.mark.slow
def test_what_it_says_of_running_it_is_so(tmp_path: Path) -> None:
    from p2plab import Lab

    with Lab(seed=7) as lab:
        lab.start_nodes(3)
        lab.wire("ring")
        lab.run(2)
        digest = lab.events.digest()
    path = notebook(tmp_path)
    (tmp_path / "kept" / "sweep.json").unlink()
    assert main(["archive", str(path)]) == 0
    with zipfile.ZipFile(tmp_path / "study.zip") as whole:
        whole.extractall(tmp_path / "there")
    run = (tmp_path / "there" / "study" / "run.sh").read_text().splitlines()[-1]
    again = run.replace("../.venv/bin/python", sys.executable)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(
        ["sh", "-c", again], cwd=tmp_path / "there" / "study" / "notebook", env=environment, check=True, timeout=200
    )
    done = json.loads((tmp_path / "there" / "study" / "notebook" / "study.again.ipynb").read_text())
    assert digest in json.dumps(done)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"cells": [{}]}', '{"cells": 7}'])
def test_what_is_no_notebook_is_told(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.ipynb"
    path.write_text(text)
    assert main(["archive", str(path)]) == 2
    assert "is no notebook" in capsys.readouterr().err
    assert main(["archive", str(tmp_path / "missing.ipynb")]) == 2
