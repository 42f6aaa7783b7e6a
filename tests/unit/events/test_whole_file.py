"""A file that is saved takes the place of the earlier one when it is whole."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from p2plab import Lab
from p2plab.errors import ConfigurationError
from p2plab.events import EventLog
from p2plab.events.files.whole_file import replacing

FULL = """
import resource, signal, sys
from p2plab import Lab
from p2plab.errors import ConfigurationError

lab = Lab(seed=1)
lab.start_nodes(40)
lab.wire("full")
lab.run(2)
thing = {"events": lambda: lab.events, "snapshot": lab.snapshot}[sys.argv[1]]()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    thing.save(sys.argv[2])
except ConfigurationError as error:
    print(error)
"""


def nodes(lab: Lab) -> int:
    return len(lab.nodes)


@pytest.mark.dear
@pytest.mark.skipif(sys.platform == "win32", reason="the size of files cannot be bounded there")
@pytest.mark.parametrize(
    ("what", "name", "read"),
    [
        ("events", "run.jsonl", lambda path: EventLog.load(path).counts["node.started"]),
        ("events", "run.jsonl.gz", lambda path: EventLog.load(path).counts["node.started"]),
        ("snapshot", "run.snapshot", lambda path: nodes(Lab.restore(path))),
    ],
)
def test_where_the_disk_is_full_the_earlier_file_stays(
    tmp_path: Path, what: str, name: str, read: Callable[[Path], int]
) -> None:
    path = tmp_path / name
    with Lab() as lab:
        lab.start_nodes(3)
        (lab.events if what == "events" else lab.snapshot()).save(path)
    told = subprocess.run([sys.executable, "-c", FULL, what, str(path)], capture_output=True, text=True, check=True)
    assert "cannot be saved to" in told.stdout
    assert "the earlier file is as it was" in told.stdout
    assert read(path) == 3
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_an_error_half_way_leaves_the_earlier_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_bytes(b"good")
    with pytest.raises(RuntimeError, match="half-way"), replacing(path) as file:
        file.write(b"bad")
        raise RuntimeError("half-way")
    assert path.read_bytes() == b"good"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_replaced_keeps_its_permissions_and_its_links(tmp_path: Path) -> None:
    path, link = tmp_path / "notes", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with Lab() as lab, pytest.raises(ConfigurationError, match="No such file"):
        lab.events.save(tmp_path / "nowhere" / "run.jsonl")
    with Lab() as lab, pytest.raises(ConfigurationError, match="No such file"):
        lab.snapshot().save(tmp_path / "nowhere" / "run.snapshot")
