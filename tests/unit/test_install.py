"""What a user gets from ``pip install``: the files of the wheel, and a mock lab that needs no extra."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import p2plab

ROOT = Path(__file__).parents[2]
TWO_NODES = """
from p2plab import Lab
with Lab(seed=7) as lab:
    alice, bob = lab.start_nodes(2)
    alice.connect(bob)
    news = bob.subscribe("news")
    lab.run(2)
    alice.publish("news", b"hello")
    print(news.get(timeout=5).data.decode())
"""
REAL_LAB = """
from p2plab import Lab
from p2plab.errors import MissingExtraError
try:
    Lab("real")
except MissingExtraError as error:
    print(error)
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT))
    return next(folder.glob("p2plab-*.whl"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment where only the wheel was installed, without extras."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", str(folder))
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    run(str(python), "-m", "pip", "install", "-q", str(wheel))
    return str(python)


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_the_two_packages_with_every_file_they_need_and_nothing_else(wheel: Path) -> None:
    packages = {"p2plab": ROOT / "p2plab", "p2plab_widgets": ROOT / "widgets" / "p2plab_widgets"}
    wanted = {
        f"{name}/{path.relative_to(folder).as_posix()}"
        for name, folder in packages.items()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    wanted |= {f"p2plab/lessons/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    wanted |= {f"p2plab/lessons/solutions/{path.name}" for path in (ROOT / "notebooks" / "solutions").glob("*.py")}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == wanted
    assert {"p2plab/py.typed", "p2plab_widgets/py.typed"} <= held


def test_a_mock_lab_works_without_extras(python: str) -> None:
    assert run(python, "-W", "error", "-c", TWO_NODES) == "hello\n"


def test_the_lessons_come_with_it(python: str, tmp_path: Path) -> None:
    run(python, "-m", "p2plab", "lessons", str(tmp_path))
    assert (tmp_path / "00_tour.ipynb").read_bytes() == (ROOT / "notebooks" / "00_tour.ipynb").read_bytes()


def test_the_version_is_the_module_s(wheel: Path) -> None:
    assert wheel.name.startswith(f"p2plab-{p2plab.__version__}-")


# What reads and writes messages; the decisions above them do not know of protobuf.
OF_THE_WIRE = (
    *("pubsub/test_rpc.py", "pubsub/test_hostile_rpcs.py", "kademlia/test_messages.py", "kademlia/test_records.py"),
    *("kademlia/test_streams.py", "test_wire.py", "test_peer_record.py", "mock/test_golden.py"),
)


@pytest.mark.parametrize("protobuf", ["4.25", "5.29"])
def test_the_wire_formats_are_the_same_with_an_older_protobuf(protobuf: str, tmp_path: Path) -> None:
    """In an environment of their own, without py-libp2p, which alone asks for a newer one."""
    run(sys.executable, "-m", "venv", str(tmp_path))
    python = tmp_path / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    tests = ("pytest", "hypothesis", "multiaddr", f"protobuf=={protobuf}.*")
    run(str(python), "-m", "pip", "install", "-q", "--no-compile", str(ROOT), *tests)
    rooms = [str(ROOT / "tests" / "unit" / name) for name in OF_THE_WIRE]
    options = ("-q", "-o", "addopts=--import-mode=importlib", "-p", "no:cacheprovider", "--rootdir", str(ROOT))
    said = run(str(python), "-m", "pytest", *options, "-m", "not (slow or real)", *rooms)
    assert re.search(r"^\d{3,} passed", said, re.MULTILINE), said


def test_a_real_lab_without_py_libp2p_names_the_extra_to_install(python: str) -> None:
    assert "p2plab[real]" in run(python, "-W", "error", "-c", REAL_LAB)
