"""CAR files that kubo makes, and kubo that reads ours. P2PLAB_KUBO names its program, which comes from elsewhere."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from p2plab import Lab

pytestmark = pytest.mark.content

WHERE = "P2PLAB_KUBO"


@pytest.fixture
def ipfs(tmp_path: Path) -> Callable[..., bytes]:
    """Runs kubo's command over a repository of its own, offline."""
    if WHERE not in os.environ:
        pytest.skip(f"{WHERE} names no program of kubo's")

    def run(*arguments: str | Path, given: bytes = b"") -> bytes:
        command = [os.environ[WHERE], "--offline", *map(str, arguments)]
        told = {**os.environ, "IPFS_PATH": str(tmp_path / "repository"), "IPFS_TELEMETRY": "off"}
        return subprocess.run(command, input=given, env=told, check=True, capture_output=True, timeout=120).stdout

    run("init", "--empty-repo", "--profile=test")
    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "docs"
    (made / "deep").mkdir(parents=True)
    (made / "a.txt").write_text("hello\n")
    (made / "deep" / "big.bin").write_bytes(random.Random(1).randbytes(3_000_000))
    (made / "link").symlink_to("a.txt")
    return made


@pytest.mark.parametrize(
    ("options", "profile"),
    [
        (("--cid-version=0", "--raw-leaves=false"), "unixfs-v0-2015"),
        (("--cid-version=1", "--chunker=size-1048576", "--max-file-links=1024"), "unixfs-v1-2025"),
    ],
)
def test_a_car_of_kubos_is_read_and_one_of_ours_by_kubo(
    ipfs: Callable[..., bytes], folder: Path, tmp_path: Path, options: tuple[str, ...], profile: str
) -> None:
    root = ipfs("add", "-r", "-Q", *options, folder).decode().strip()
    (tmp_path / "theirs.car").write_bytes(ipfs("dag", "export", root))
    with Lab(seed=7) as lab:
        alice, bob = lab.start_nodes(2)
        assert [str(cid) for cid in alice.content.import_car(tmp_path / "theirs.car")] == [root]
        got = alice.content.get(root, to=tmp_path / "got")
        assert (got / "deep" / "big.bin").read_bytes() == (folder / "deep" / "big.bin").read_bytes()
        assert (got / "link").readlink() == Path("a.txt")
        assert str(bob.content.add(folder, profile=profile)) == root, "both cut it alike"

        other = folder / "other"
        other.write_bytes(random.Random(2).randbytes(700_000))
        ours = bob.content.add(folder, profile=profile)
        for version in (1, 2):
            bob.content.export(ours, tmp_path / f"ours{version}.car", version=version)
            said = ipfs("dag", "import", "--stats", tmp_path / f"ours{version}.car").decode()
            assert str(ours) in said
        assert ipfs("cat", f"{ours}/other") == other.read_bytes()
        assert ipfs("dag", "stat", "--progress=false", ours)
