"""A JupyterLab server on the loopback, and what a test does in its page."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

CONFIG = {
    "ServerApp": {"ip": "127.0.0.1", "port": 0, "open_browser": False, "allow_root": True},
    "LabApp": {
        "expose_app_in_browser": True,  # window.jupyterapp, for the commands below
        "extension_manager": "readonly",
        "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    },
}
PAGE_CONFIG = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}  # a pop-up over the page
START_TIMEOUT = 120  # seconds
CELLS_TIMEOUT = 300_000  # milliseconds, for all cells of a notebook


@dataclass(frozen=True)
class JupyterServer:
    """A running server; `root` is the folder it serves."""

    url: str
    token: str
    root: Path

    def address(self, notebook: str) -> str:
        return f"{self.url}/lab/tree/{notebook}?token={self.token}&reset"


@contextmanager
def serve(root: Path, home: Path) -> Iterator[JupyterServer]:
    """Serve `root` until the block ends; with `home` as its home, nobody's own settings matter."""
    token = secrets.token_hex(16)
    settings = home / ".jupyter"
    (settings / "labconfig").mkdir(parents=True)
    (settings / "labconfig" / "page_config.json").write_text(json.dumps(PAGE_CONFIG))
    (settings / "jupyter_lab_config.json").write_text(json.dumps(CONFIG))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "IPYTHON"))}
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root}"],
        env={**inherited, "HOME": str(home), "JUPYTER_TOKEN": token},
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    log: list[str] = []
    urls: list[str] = []
    listens_or_ended = threading.Event()

    def read_log() -> None:
        assert server.stdout
        for line in server.stdout:
            log.append(line)
            if match := re.search(r"(http://127\.0\.0\.1:\d+)/", line):
                urls.append(match[1])
                listens_or_ended.set()
        listens_or_ended.set()

    reader = threading.Thread(target=read_log, name="jupyterlab's log")
    with server:
        reader.start()
        try:
            listens_or_ended.wait(START_TIMEOUT)
            assert urls, "JupyterLab did not start:\n" + "".join(log)
            yield JupyterServer(urls[0], token, root)
        finally:
            server.terminate()
            reader.join()


def wait_until_idle(page: Page) -> None:
    """Wait until the status bar says that the kernel is idle; the execution indicator lags behind it."""
    page.get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=CELLS_TIMEOUT)


def run_all_cells(page: Page) -> None:
    """Run all cells of the open notebook and wait until they are done, or until one has failed."""
    page.set_default_timeout(CELLS_TIMEOUT)
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    wait_until_idle(page)
