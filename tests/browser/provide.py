"""Where the browser tests find a Chromium, and how one is brought where there is none.

``python tests/browser/provide.py`` prints one line: the path of a Chromium that starts, or ``none:`` and the reasons.
What it tries, in order: one that is already here, ``apt-get`` for root on Debian or Ubuntu, Playwright's own download.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MACOS_APPS = ("Google Chrome.app/Contents/MacOS/Google Chrome", "Chromium.app/Contents/MacOS/Chromium")
INSTALL_TIMEOUT = 900  # seconds


def starts(path: str) -> bool:
    """Whether the program there runs at all: Ubuntu's ``chromium-browser`` is a stub where snap is missing."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def candidates() -> Iterator[str]:
    yield from filter(None, map(shutil.which, NAMES))
    yield from (str(Path("/Applications", app)) for app in MACOS_APPS)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.executable_path


def find() -> str | None:
    """The path of a Chromium that starts, or None."""
    return next((path for path in candidates() if Path(path).exists() and starts(path)), None)


def run(*command: str) -> None:
    """Run an installer with its output on stderr; raises RuntimeError with its first error line where it fails."""
    print("+", *command, file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=INSTALL_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(str(error)) from error
    print(done.stdout, done.stderr, sep="", file=sys.stderr, flush=True)
    if done.returncode:
        lines = [*done.stderr.splitlines(), *done.stdout.splitlines(), f"exit status {done.returncode}"]
        raise RuntimeError(next((line for line in lines if line.startswith(("E:", "Error:"))), lines[-1]))


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def by_apt() -> None:
    if not is_root():
        raise RuntimeError("not root")
    if not shutil.which("apt-get"):
        raise RuntimeError("not on this system")
    run("apt-get", "update", "-q")
    run("apt-get", "install", "-q", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core")


def by_playwright() -> None:
    # Only root on Debian or Ubuntu can have Playwright install the libraries that its Chromium needs.
    libraries = ["--with-deps"] if is_root() and shutil.which("apt-get") else []
    run(sys.executable, "-m", "playwright", "install", *libraries, "chromium")


INSTALLERS: dict[str, Callable[[], None]] = {"apt-get": by_apt, "playwright install": by_playwright}


def provide() -> str:
    """The path of a Chromium that starts, installed if need be, or ``none:`` and why there is none."""
    path = find()
    reasons = []
    for name, install in INSTALLERS.items():
        if path:
            return path
        try:
            install()
        except RuntimeError as error:
            reasons.append(f"{name}: {error}")
            continue
        path = find()
        if not path:
            reasons.append(f"{name}: what it installed does not start")
    return path or "none: no Chromium found; " + "; ".join(reasons)


if __name__ == "__main__":
    print(provide())
