"""The public surface: every module says what it gives, and what it says is true; the package's front door is light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import p2plab

ROOT = Path(__file__).parents[2]
PACKAGES = (ROOT / "p2plab", ROOT / "widgets" / "p2plab_widgets")
MODULES = sorted(path for package in PACKAGES for path in package.rglob("*.py"))
HEAVY = {
    "IPython",
    "bokeh",
    "cryptography",
    "google.protobuf",
    "ipywidgets",
    "libp2p",
    "multiaddr",
    "numpy",
    "pandas",
    "pydantic",
    "trio",
    "yaml",
}


def bound_names(body: list[ast.stmt]) -> Iterator[str]:
    """The names that a module's statements bind, those under ``if`` and ``try`` included."""
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement.name
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in statement.names)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from (node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))
        elif isinstance(statement, ast.If):
            yield from bound_names(statement.body + statement.orelse)
        elif isinstance(statement, ast.Try):
            handled = [line for handler in statement.handlers for line in handler.body]
            yield from bound_names(statement.body + handled + statement.orelse)


def declared_names(module: ast.Module) -> list[str] | None:
    for statement in module.body:
        if isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == ["__all__"]:
            names: list[str] = ast.literal_eval(statement.value)
            return names
    return None


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_all_names_what_the_module_binds(path: Path) -> None:
    module = ast.parse(path.read_text(encoding="utf-8"))
    declared = declared_names(module)
    if path.name == "__init__.py" or path.parent == ROOT / "p2plab":
        public = set(bound_names(module.body)) - {"annotations"}
        assert declared is not None or not public, "users import from this module, and it has no __all__"
    declared = declared or []
    assert len(set(declared)) == len(declared)
    has_lazy_names = "__getattr__" in bound_names(module.body)
    assert has_lazy_names or set(declared) <= set(bound_names(module.body))


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.name == "__init__.py"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_package_declares_every_name_it_passes_on(path: Path) -> None:
    module = ast.parse(path.read_text(encoding="utf-8"))
    passed_on = {
        alias.asname
        for statement in module.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
        if alias.asname == alias.name
    }
    assert passed_on <= set(declared_names(module) or [])


def test_importing_p2plab_imports_nothing_heavy() -> None:
    code = f"import sys, p2plab; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_readme_s_lines_run(capsys: pytest.CaptureFixture[str]) -> None:
    (lines,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(lines, "README.md", "exec"), names)
    lab = names["lab"]
    assert isinstance(lab, p2plab.Lab)
    lab.close()
    assert "b'hello'" in capsys.readouterr().out
