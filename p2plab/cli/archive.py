"""``p2plab archive NOTEBOOK``: one zip with what an artifact evaluation asks for.

README.md           what it is, and how to run it again
run.sh              does that: an environment of its own, and the notebook from top to bottom
requirements.txt    the exact versions of what was installed and used
environment.json    Python, system, versions, model; the seeds that the notebook names
notebook/           the notebook as it is, with its outputs, and the files and folders that its code names
results.md          what its cells printed, for who does not run it
code/               p2plab itself, as it was
SHA256SUMS          of every file
"""

from __future__ import annotations

import ast
import hashlib
import json
import platform
import re
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from p2plab.cli.output import say
from p2plab.constants import MODEL_VERSION, VERSION
from p2plab.errors import ValidationError
from p2plab.events.files.whole_file import replacing, written
from p2plab.text import plural

__all__ = ["archive"]

ALWAYS: Final = (
    *("anyio", "base58", "cloudpickle", "cryptography", "multiaddr", "node-semver", "protobuf", "pydantic", "PyYAML"),
    *("typing-extensions", "anywidget", "bokeh", "ipywidgets", "jupyter_bokeh", "ipykernel", "nbconvert", "nbclient"),
)
MOST_BYTES: Final = 1 << 30  # of the files that the notebook names
_SKIPPED: Final = ("__pycache__", ".ipynb_checkpoints")
_NAME: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")

README: Final = """# {title}

An archive of the notebook `notebook/{name}`, made by `p2plab archive` of p2plab {version} (model {model}).

## What is in it

| | |
|---|---|
| `notebook/` | the notebook with its outputs{files} |
| `results.md` | what its cells printed |
| `code/` | p2plab {version}, as it was used |
| `requirements.txt`, `environment.json` | the exact versions, the Python ({python}) and the system ({system}) |
| `SHA256SUMS` | of every file: `sha256sum -c SHA256SUMS` |

## How to run it

You need Python {minor} and, for real nodes, a C compiler with the headers of GMP.

```
sh run.sh            # makes .venv here, installs the versions above, runs the notebook: notebook/{stem}.again.ipynb
```

Without it: install `requirements.txt`, put `code` on `PYTHONPATH`, open the notebook in JupyterLab.

## What to expect

{seeds} A mock lab's run is the same for the same seed, settings and model, event for event, on every Python that p2plab
supports: compare digests and figures. Real labs share a machine: their times differ from run to run.
"""
RUN: Final = """#!/bin/sh
set -e
cd "$(dirname "$0")"
python3 -m venv .venv
.venv/bin/python -m pip install -r requirements.txt
cd notebook
PYTHONPATH="../code" ../.venv/bin/python -m nbconvert --to notebook --execute --output "{stem}.again.ipynb" "{name}"
"""


def archive(notebook: str, output: str | None) -> int:
    """Write the archive beside the notebook, or to ``output``; 0. ValidationError for what is no notebook."""
    path = Path(notebook)
    try:
        book = json.loads(path.read_text(encoding="utf-8"))
        cells = [(cell["cell_type"], "".join(cell["source"]), cell.get("outputs", [])) for cell in book["cells"]]
    except OSError as error:
        raise ValidationError(f"{notebook} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValidationError(f"{notebook} is no notebook: {type(error).__name__}: {error}") from error
    target = Path(output) if output else path.with_suffix(".zip")
    codes = [tree for kind, source, _ in cells if kind == "code" and (tree := _parsed(source)) is not None]
    files = _named(codes, path)
    parts = dict(_parts(path, cells, codes, files))
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(parts.items()))
    parts["SHA256SUMS"] = sums.encode()
    root = target.stem
    with written(target), replacing(target) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as whole:
        for name, data in sorted(parts.items()):
            about = zipfile.ZipInfo(f"{root}/{name}", (1980, 1, 1, 0, 0, 0))
            about.external_attr = (0o755 if name == "run.sh" else 0o644) << 16
            whole.writestr(about, data, zipfile.ZIP_DEFLATED)
    say(f"{target}: the notebook, {plural(len(files), 'file')} that it names, p2plab {VERSION}, and how to run it")
    return 0


def _parts(
    path: Path, cells: list[tuple[str, str, list[Any]]], codes: list[ast.Module], files: list[Path]
) -> Iterator[tuple[str, bytes]]:
    seeds = _seeds(codes)
    versions = _versions(codes)
    facts = {
        "title": _title(cells) or path.stem,
        "name": path.name,
        "stem": path.stem,
        "version": VERSION,
        "model": MODEL_VERSION,
        "python": platform.python_version(),
        "minor": ".".join(platform.python_version_tuple()[:2]),
        "system": platform.system(),
        "files": f", and {plural(len(files), 'file')} that its code names" if files else "",
        "seeds": f"The notebook names these seeds: {', '.join(seeds)}." if seeds else "The notebook names no seeds.",
    }
    environment = {
        "p2plab": VERSION,
        "model": MODEL_VERSION,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "versions": versions,
        "seeds": seeds,
    }
    yield "README.md", README.format(**facts).encode()
    yield "run.sh", RUN.format(**facts).encode()
    yield "environment.json", (json.dumps(environment, indent=1) + "\n").encode()
    yield "requirements.txt", "".join(f"{name}=={version}\n" for name, version in versions.items()).encode()
    yield "results.md", _results(cells).encode("utf-8", "replace")
    yield f"notebook/{path.name}", path.read_bytes()
    for file in files:
        yield f"notebook/{file.relative_to(path.parent.resolve()).as_posix()}", file.read_bytes()
    yield from _code()


def _parsed(source: str) -> ast.Module | None:
    """A cell's code; its magics and shell lines are no Python, and are left out. None where it is none."""
    plain = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines())
    try:
        return ast.parse(plain)
    except SyntaxError:
        return None


def _named(codes: list[ast.Module], path: Path) -> list[Path]:
    """The files below the notebook's folder that its code names as texts, those of folders too. ValidationError where
    they are too large."""
    here = path.parent.resolve()
    found: dict[Path, None] = {}
    for code in codes:
        for node in ast.walk(code):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or not 0 < len(node.value) < 250:
                continue
            try:
                place = (here / node.value).resolve()
                there = place.is_relative_to(here) and place not in (here, path.resolve()) and place.exists()
            except (OSError, ValueError):
                continue
            if there:
                inside = sorted(place.rglob("*")) if place.is_dir() else [place]
                found.update(dict.fromkeys(one for one in inside if one.is_file() and not _is_skipped(one)))
    size = sum(one.stat().st_size for one in found)
    if size > MOST_BYTES:
        raise ValidationError(f"the files that {path.name} names have {size:,} bytes; an archive takes {MOST_BYTES:,}")
    return list(found)


def _is_skipped(path: Path) -> bool:
    return path.is_symlink() or any(part in _SKIPPED for part in path.parts) or path.suffix == ".pyc"


def _seeds(codes: list[ast.Module]) -> list[str]:
    """What stands behind ``seed=`` and ``seeds=``, each once."""
    found: dict[str, None] = {}
    for code in codes:
        for node in ast.walk(code):
            if isinstance(node, ast.keyword) and node.arg in ("seed", "seeds"):
                found[f"{node.arg}={ast.unparse(node.value)[:80]}"] = None
    return list(found)


def _versions(codes: list[ast.Module]) -> dict[str, str]:
    """The exact versions of what the notebook imports, of what p2plab needs, and of what these need."""
    owners = metadata.packages_distributions()
    wanted = [*ALWAYS, *(name for top in sorted(_imported(codes)) for name in owners.get(top, ()))]
    found: dict[str, str] = {}
    while wanted:
        try:
            one = metadata.distribution(wanted.pop())
        except metadata.PackageNotFoundError:
            continue
        name = one.metadata["Name"]
        if name in found or name.lower() == "p2plab":
            continue
        found[name] = one.version
        needs = [need for need in one.requires or () if "extra ==" not in need]
        wanted += [match[0] for need in needs if (match := _NAME.match(need))]
    return dict(sorted(found.items(), key=lambda pair: pair[0].lower()))


def _imported(codes: list[ast.Module]) -> set[str]:
    found: set[str] = set()
    for code in codes:
        for node in ast.walk(code):
            if isinstance(node, ast.Import):
                found.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
            elif isinstance(node, ast.Constant) and node.value == "real":
                found.add("libp2p")  # Lab("real") imports it
    return found


def _title(cells: list[tuple[str, str, list[Any]]]) -> str:
    for kind, source, _ in cells:
        if kind == "markdown" and source.startswith("# "):
            return source.splitlines()[0][2:].strip()
    return ""


def _results(cells: list[tuple[str, str, list[Any]]]) -> str:
    """What the code cells printed or gave as text, below each."""
    lines = ["# Results", "", "What each cell printed when the notebook was last run.", ""]
    for number, (kind, source, outputs) in enumerate(cells, start=1):
        texts = [text for output in outputs if (text := _text(output))]
        if kind == "code" and texts:
            lines += [f"## Cell {number}", "", *_fenced(source, "python"), "", *_fenced("".join(texts), ""), ""]
    return "\n".join(lines)


def _fenced(text: str, language: str) -> list[str]:
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", text)), 3)
    return [f"{fence}{language}", text.rstrip("\n"), fence]


def _text(output: Any) -> str:
    if not isinstance(output, dict):
        return ""
    found = output.get("text") or output.get("data", {}).get("text/plain") or output.get("evalue") or ""
    return ("".join(found) if isinstance(found, list) else str(found)).rstrip("\n") + "\n" if found else ""


def _code() -> Iterator[tuple[str, bytes]]:
    """The files of p2plab and its widgets, where they are installed."""
    import p2plab

    folders = [Path(p2plab.__file__).parent]
    for beside in (folders[0].parent / "p2plab_widgets", folders[0].parent / "widgets" / "p2plab_widgets"):
        if beside.is_dir():
            folders.append(beside)
            break
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and not _is_skipped(file):
                yield f"code/{folder.name}/{file.relative_to(folder).as_posix()}", file.read_bytes()
