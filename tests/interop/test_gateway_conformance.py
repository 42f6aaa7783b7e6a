"""The trustless part of ipfs/gateway-conformance against a node's gateway.

Neither the suite nor its fixtures are copied: P2PLAB_GATEWAY_CONFORMANCE names a folder with a clone of its repository.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from p2plab import Lab
from p2plab.errors import ValidationError
from tests.interop.provide import go_environment, missing_go

pytestmark = pytest.mark.content

WHERE = "P2PLAB_GATEWAY_CONFORMANCE"


@pytest.fixture(scope="module")
def suite() -> Path:
    missing = missing_go()
    if missing is not None:
        pytest.skip(missing)
    if WHERE not in os.environ:
        pytest.skip(f"{WHERE} names no clone of github.com/ipfs/gateway-conformance")
    return Path(os.environ[WHERE])


def test_the_gateway_answers_as_the_trustless_suite_demands(suite: Path) -> None:
    with Lab("real", seed=7) as lab:
        alice = lab.start_node("alice")
        for car in sorted(suite.glob("fixtures/**/*.car")):
            alice.content.import_car(car, pin=False)
        refused = []
        for record in sorted(suite.glob("fixtures/ipns_records/*.ipns-record")):
            name, _, kind = record.stem.partition("_")
            try:
                alice.dht.put(f"/ipns/{name}", record.read_bytes())
            except ValidationError:
                refused.append(kind)
        assert sorted(refused) == ["v1", "v1-v2-broken-signature-v2", "v1-v2-broken-v1-value"]
        told = {**go_environment(), "GATEWAY_URL": alice.content.gateway().address, "GOFLAGS": "-mod=mod"}
        command = ["go", "test", "./tests", "-specs=trustless-gateway", "-count=1", "-v"]
        ran = subprocess.run(command, cwd=suite, env=told, capture_output=True, text=True, timeout=900)
    failed = re.findall(r"^ *--- FAIL: (\S+)", ran.stdout, re.MULTILINE)
    passed = re.findall(r"^ *--- PASS: (\S+)", ran.stdout, re.MULTILINE)
    assert failed == [], ran.stdout[-4000:]
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[-4000:]
    assert len(passed) > 400
