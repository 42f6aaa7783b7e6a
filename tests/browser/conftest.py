"""JupyterLab on the loopback in a headless Chromium that reaches nothing else, and says so if a page tries."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, WebSocketRoute, expect, sync_playwright

from tests.browser import provide
from tests.browser.jupyterlab import JupyterServer, serve, wait_until_idle

ROOT = Path(__file__).parents[2]
CHROMIUM_FLAGS = [
    "--no-sandbox",  # root, as in most containers, cannot have the sandbox
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # also for what the page's route does not see
]
expect.set_options(timeout=30_000)  # as long as playwright's own waits; 5 s are few for a kernel on a busy machine
OUTSIDE = re.compile(r"^(?:https?|wss?)://(?!127\.0\.0\.1(?::\d+)?(?:/|$))")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; the tests are skipped, with the reason, where there is none."""
    found = os.environ.get("P2PLAB_BROWSER") or provide.find()
    if not found:
        pytest.skip("no Chromium found; `python tests/browser/provide.py` brings one, or says why it cannot")
    if found.startswith("none:"):
        pytest.skip(found.removeprefix("none:").strip())
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def jupyter(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """One server for the whole run, on a copy of the notebooks: saved outputs never reach the repository."""
    root = tmp_path_factory.mktemp("jupyter")
    for folder in ("notebooks", "fixtures"):
        if (ROOT / folder).exists():
            shutil.copytree(ROOT / folder, root / folder)
    with serve(root, home=tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture
def outside_requests() -> Iterator[list[str]]:
    """Every address outside the loopback that a page asked for; the test fails if there is any left at its end."""
    addresses: list[str] = []
    yield addresses
    assert not addresses, f"the page asked for what is not on the loopback: {addresses}"


@pytest.fixture
def page(browser: Browser, outside_requests: list[str], request: pytest.FixtureRequest) -> Iterator[Page]:
    """An empty page in a profile of its own. P2PLAB_SHOTS=folder keeps a picture of how each test ended."""

    def record(asked: Request) -> None:
        if OUTSIDE.match(asked.url):
            outside_requests.append(asked.url)

    def record_and_close(socket: WebSocketRoute) -> None:
        outside_requests.append(socket.url)
        socket.close()

    context = browser.new_context(viewport={"width": 1400, "height": 1000}, service_workers="block")
    context.on("request", record)
    context.route(OUTSIDE, lambda route: route.abort())
    context.route_web_socket(OUTSIDE, record_and_close)
    page = context.new_page()
    yield page
    if shots := os.environ.get("P2PLAB_SHOTS"):
        page.screenshot(path=Path(shots, request.node.name + ".png"))
    context.close()


@pytest.fixture
def open_notebook(jupyter: JupyterServer, page: Page) -> Callable[[str], Page]:
    """Opens a notebook, named by its path below the server's root, and waits until its kernel can be used."""

    def open_and_wait(notebook: str) -> Page:
        page.goto(jupyter.address(notebook))
        wait_until_idle(page)
        return page

    return open_and_wait
