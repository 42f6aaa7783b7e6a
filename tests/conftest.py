"""What every test run obeys: a skip that is not expected fails it under CI, and suites are marked by their folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ["P2PLAB_NO_MULTICAST"] = "1"  # for the processes that tests start, too

# A pattern of test ids, and a pattern of the reasons for which they may be skipped. Everything else has to run.
EXPECTED_SKIPS: dict[str, str] = {
    # Node comes with the environment; Go, which no package index has, does not.
    r"tests/interop/": r"go-libp2p needs",
    # A clone of the suite for gateways comes with nothing; the target `content` alone asks for it.
    r"tests/interop/test_gateway_conformance\.py": r"names no clone of",
    r"tests/interop/test_kubo\.py": r"names no program of kubo's",
    # With the oldest protobuf that the core takes.
    r"tests/unit/exports/test_writers\.py": r"perfetto's declarations need protobuf",
    # Captures are read by scapy in every run; Wireshark is not on any package index.
    r"tests/unit/exports/test_tshark\.py": r"there is no tshark here",
}

SUITES = ("browser", "notebooks", "interop", "bench", "soak")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Processes that share the tests have to collect the same ones: `ids=repr` of an object gives each another name.
    if unstable := [item.nodeid for item in items if " at 0x" in item.nodeid]:
        raise pytest.UsageError(f"an address in memory is part of these tests' names: {unstable}")
    for item in items:
        for suite in SUITES:
            if suite in Path(item.nodeid.partition("::")[0]).parts:
                item.add_marker(suite)


def unexpected_skips(config: pytest.Config) -> Iterator[tuple[str, str]]:
    """The id and the reason of each skipped test, notebook cell or module that EXPECTED_SKIPS does not allow."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    for report in terminal.stats.get("skipped", []) if terminal else []:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(re.search(test, report.nodeid) and re.search(why, reason) for test, why in EXPECTED_SKIPS.items()):
            yield report.nodeid, reason


def pytest_sessionfinish(session: pytest.Session) -> None:
    if os.environ.get("CI") and any(unexpected_skips(session.config)):
        session.exitstatus = max(session.exitstatus, pytest.ExitCode.TESTS_FAILED)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    skips = list(unexpected_skips(config))
    if skips:
        terminalreporter.section("skips that are not expected (under CI the run fails)")
        for test, reason in skips:
            terminalreporter.write_line(f"{test}: {reason}")
