"""A network that will not fit into memory is refused before the first of its nodes starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2plab import Lab
from p2plab.api import memory
from p2plab.errors import ValidationError


def _machine(folder: Path, monkeypatch: pytest.MonkeyPatch, *, free_kb: int, group: tuple[int, int] | None) -> None:
    """A machine with so much memory, and a control group with a bound and what it uses."""
    (folder / "self").mkdir()
    (folder / "meminfo").write_text(f"MemTotal: 99999999 kB\nMemAvailable:   {free_kb} kB\n")
    (folder / "self" / "statm").write_text("1000 500 0 0 0 0 0\n")
    (folder / "memory.max").write_text("max\n" if group is None else f"{group[0]}\n")
    (folder / "memory.current").write_text("0\n" if group is None else f"{group[1]}\n")
    monkeypatch.setattr(memory, "_PROC", folder)
    monkeypatch.setattr(memory, "_GROUP", folder)


@pytest.mark.parametrize(
    ("group", "free"), [(None, 1_024_000_000), ((500_000_000, 100_000_000), 400_000_000), ((100, 200), 0)]
)
def test_the_least_of_what_bounds_the_process_is_what_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: tuple[int, int] | None, free: int
) -> None:
    _machine(tmp_path, monkeypatch, free_kb=1_000_000, group=group)
    assert memory.free_bytes() == free


def test_a_system_that_does_not_say_refuses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_PROC", tmp_path / "none")
    assert memory.free_bytes() is None
    memory.check_fits(10**9, "mock")


def test_a_lab_says_how_much_memory_it_would_take_and_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _machine(tmp_path, monkeypatch, free_kb=150_000, group=None)
    with Lab() as lab:
        with pytest.raises(ValidationError, match=r"20,000 mock nodes need about 300 MB .* 153 MB are free; 10,240 wo"):
            lab.start_nodes(20_000)
        with pytest.raises(ValidationError, match=r"nodes need about .* TB"):
            lab.start_nodes(2**70)
        assert lab.nodes == []
