"""The public surface: every module says what it gives, and what it says is true; the package's front door is light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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


@pytest.mark.dear
def test_all_names_what_the_module_binds() -> None:
    for path in MODULES:
        module = ast.parse(path.read_text(encoding="utf-8"))
        declared = declared_names(module)
        if path.name == "__init__.py" or path.parent == ROOT / "p2plab":
            public = set(bound_names(module.body)) - {"annotations"}
            assert declared is not None or not public, f"users import from {path}, and it has no __all__"
        declared = declared or []
        assert len(set(declared)) == len(declared), path
        has_lazy_names = "__getattr__" in bound_names(module.body)
        assert has_lazy_names or set(declared) <= set(bound_names(module.body)), path


def test_a_package_declares_every_name_it_passes_on() -> None:
    for path in MODULES:
        if path.name == "__init__.py":
            module = ast.parse(path.read_text(encoding="utf-8"))
            passed_on = {
                alias.asname
                for statement in module.body
                if isinstance(statement, ast.ImportFrom)
                for alias in statement.names
                if alias.asname == alias.name
            }
            assert passed_on <= set(declared_names(module) or []), path


# Packages by another name than their module's, and the one that is a program and not imported.
MODULE_OF = {
    "dnspython": "dns", "node-semver": "nodesemver", "protobuf": "google.protobuf", "pyyaml": "yaml",
    "typing-extensions": "typing_extensions", "jupyter-bokeh": "jupyter_bokeh",
}  # fmt: skip
PROGRAMS = {"jupyterlab"}


def imported_by(paths: list[Path]) -> set[str]:
    """The modules that any of these files imports, at its top or within."""
    found: set[str] = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module)
    return found


@pytest.mark.dear
def test_whatever_a_user_has_to_install_is_imported_somewhere() -> None:
    imported = imported_by(MODULES)
    for line in requires("p2plab") or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": "real"}) or "'lab'" in line:
            name = canonicalize_name(requirement.name)
            module = MODULE_OF.get(name, name)
            used = any(one == module or one.startswith(f"{module}.") for one in imported)
            assert used or name in PROGRAMS, f"{name} is installed for users, and nothing of p2plab imports it"


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
