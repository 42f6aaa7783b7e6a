"""Sweeps that are kept in a folder and go on, that stop when intervals are narrow, and whose runs can be opened."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import ConfigurationError, MissingExtraError, ValidationError
from p2plab.runs.kept_tables import ParquetTable
from p2plab.runs.pools import InThisProcess

MADE: list[int] = []


def spread(lab: Lab, extra: int = 0) -> dict[str, float]:
    """A message in a small network."""
    MADE.append(lab.seed)
    nodes = lab.start_nodes(4 + extra)
    lab.wire("ring")
    for node in nodes:
        node.subscribe("news")
    lab.run(1)
    nodes[0].publish("news", b"x")
    lab.run(1)
    if extra == 2 and lab.seed == 1:
        raise RuntimeError("seed 1\nwith two more")
    return {"duration": lab.propagation(lab.events.filter(kind="pubsub.publish")[0].ref).duration, "seed": lab.seed}


def swept(folder: Path | None, seeds: Any = range(3), **more: Any) -> Any:
    MADE.clear()
    grid = more.pop("grid", {"extra": [0, 2]})
    return p2plab.sweep(spread, seeds, grid, executor=InThisProcess(), progress=False, keep=folder, **more)


class TestKeepingAsParquet:
    def test_it_goes_on_and_says_the_same_as_csv(self, tmp_path: Path) -> None:
        import pyarrow.parquet

        first = swept(tmp_path / "parquet", keep_as="parquet")
        as_csv = swept(tmp_path / "csv")
        again = swept(tmp_path / "parquet")
        assert MADE == []
        assert repr(again) == repr(first)
        assert [dict(run.values) for run in again] == [dict(run.values) for run in as_csv]
        assert [run.error for run in again] == [run.error for run in first] == [run.error for run in as_csv]
        assert sorted(path.name for path in (tmp_path / "parquet").iterdir()) == ["results.parquet", "sweep.json"]
        table = pyarrow.parquet.read_table(tmp_path / "parquet" / "results.parquet")
        assert table.column("seed").to_pylist() == [run.seed for run in first]
        assert table.column_names[:3] == ["key", "seed", "extra"]

    def test_a_file_that_was_cut_is_made_again(self, tmp_path: Path) -> None:
        whole = swept(tmp_path, keep_as="parquet")
        kept = ParquetTable(tmp_path, ["extra"])
        kept.read()
        run = whole[0]
        kept.put("0" * 16, run, {"extra": "0"})
        part = tmp_path / f"part-{'0' * 16}.parquet"
        part.write_bytes(part.read_bytes()[:-20])
        assert repr(swept(tmp_path)) == repr(whole)
        assert not part.exists()

    def test_numbers_that_are_called_as_columns_and_seeds_of_any_size(self, tmp_path: Path) -> None:
        def odd(lab: Lab) -> dict[str, float]:
            return {"error": 1, "seed": 0.5, "whole": 2**70}

        def go() -> Any:
            seeds = [1, -(2**80)]
            return p2plab.sweep(odd, seeds, executor=InThisProcess(), progress=False, keep=tmp_path, keep_as="parquet")

        assert (
            [run.values for run in go()]
            == [run.values for run in go()]
            == [{"error": 1, "seed": 0.5, "whole": float(2**70)}] * 2
        )

    def test_what_does_not_go_together(self, tmp_path: Path) -> None:
        swept(tmp_path)
        with pytest.raises(ValidationError, match="has its results as csv"):
            swept(tmp_path, keep_as="parquet")
        with pytest.raises(ValidationError, match="one of csv, parquet"):
            swept(tmp_path, keep_as="json")
        with pytest.raises(ValidationError, match="name a folder with keep="):
            swept(None, keep_as="csv")


class TestKeeping:
    def test_results_are_lines_of_a_table_that_anybody_reads(self, tmp_path: Path) -> None:
        table = swept(tmp_path / "kept")
        with (tmp_path / "kept" / "results.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [(row["seed"], row["extra"]) for row in rows] == [
            (str(run.seed), str(run.parameters["extra"])) for run in table
        ]
        assert [float(row["duration"]) for row in rows if row["duration"]] == [
            run.values["duration"] for run in table if not run.failed
        ]
        about = json.loads((tmp_path / "kept" / "sweep.json").read_text())
        assert (about["scenario"], about["backend"], about["model"]) == ("spread", "mock", p2plab.MODEL_VERSION)

    def test_the_same_sweep_again_makes_nothing_again_and_says_the_same(self, tmp_path: Path) -> None:
        first = swept(tmp_path)
        assert len(MADE) == 6
        again = swept(tmp_path)
        assert MADE == []
        assert list(again) == list(first)
        assert repr(again) == repr(first)
        (failed,) = again.failures
        assert (failed.seed, failed.error) == (1, "RuntimeError: seed 1\nwith two more")
        assert "spread" in failed.traceback

    def test_more_seeds_and_more_points_add_to_it(self, tmp_path: Path) -> None:
        swept(tmp_path)
        table = swept(tmp_path, range(4), grid={"extra": [0, 1, 2]})
        assert len(table) == 12
        assert sorted(MADE) == [0, 1, 2, 3, 3, 3]

    def test_a_line_that_was_cut_is_made_again(self, tmp_path: Path) -> None:
        first = swept(tmp_path)
        path = tmp_path / "results.csv"
        path.write_bytes(path.read_bytes()[:-9])
        assert list(swept(tmp_path))[:5] == list(first)[:5]
        assert MADE == [2]
        swept(tmp_path)
        assert MADE == []

    def test_a_table_that_is_no_text_is_refused_and_stays(self, tmp_path: Path) -> None:
        swept(tmp_path)
        path = tmp_path / "results.csv"
        path.write_bytes(before := path.read_bytes() + b"\xff\n")
        with pytest.raises(ValidationError, match=r"results\.csv is damaged.*put a good copy"):
            swept(tmp_path)
        assert path.read_bytes() == before

    def test_numbers_that_come_later_get_a_column(self, tmp_path: Path) -> None:
        def some(lab: Lab) -> dict[str, float]:
            return {"a": 0.1, "b": 2} if lab.seed else {"a": 1e-9}

        def go() -> Any:
            return p2plab.sweep(some, range(3), executor=InThisProcess(), progress=False, keep=tmp_path)

        assert (
            [dict(run.values) for run in go()]
            == [dict(run.values) for run in go()]
            == [
                {"a": 1e-9},
                {"a": 0.1, "b": 2},
                {"a": 0.1, "b": 2},
            ]
        )

    @pytest.mark.parametrize("other", [{"latency": 0.1}, {"grid": {"latency": [0.1]}}])
    def test_a_folder_of_another_sweep_is_refused(self, tmp_path: Path, other: dict[str, Any]) -> None:
        swept(tmp_path)
        with pytest.raises(ValidationError, match="another sweep"):
            swept(tmp_path, **other)
        with pytest.raises(ValidationError, match="its scenario was 'spread'"):
            p2plab.sweep(lambda lab: 1, range(2), executor=InThisProcess(), progress=False, keep=tmp_path)

    def test_a_folder_that_cannot_be_and_a_parameter_that_says_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(ConfigurationError, match="cannot be kept"):
            swept(tmp_path / "file")
        with pytest.raises(ValidationError, match="nothing tells it from another"):
            swept(tmp_path / "kept", grid={"extra": [object()]})
        with pytest.raises(ValidationError, match="keep="):
            swept(7)  # type: ignore[arg-type]

    @pytest.mark.slow
    @pytest.mark.parametrize("kind", ["csv", "parquet"])
    def test_a_sweep_that_was_killed_goes_on_where_it_was(self, tmp_path: Path, kind: str) -> None:
        script = tmp_path / "swept.py"
        script.write_text(
            "import sys, time, p2plab\n"
            "def slow(lab):\n"
            "    lab.start_nodes(3)\n"
            "    time.sleep(float(sys.argv[2]))\n"
            "    return lab.seed\n"
            "table = p2plab.sweep(slow, range(12), progress=False, keep=sys.argv[1], keep_as=sys.argv[3])\n"
            "print(sorted(run.values['value'] for run in table))\n"
        )
        kept = tmp_path / "kept"
        command = [sys.executable, str(script), str(kept)]
        killed = subprocess.Popen([*command, "0.4", kind], start_new_session=True)
        try:
            deadline = time.monotonic() + 60
            while self.rows(kept) < 3:
                assert killed.poll() is None, "it ended before it could be killed"
                assert time.monotonic() < deadline
                time.sleep(0.02)
        finally:
            os.killpg(killed.pid, signal.SIGKILL)
            killed.wait()
        done = self.rows(kept)
        assert 3 <= done < 12
        again = subprocess.run([*command, "0", kind], capture_output=True, text=True, check=True, timeout=120)
        assert again.stdout.strip() == str(list(range(12)))
        assert self.rows(kept) == 12
        if kind == "csv":
            lines = (kept / "results.csv").read_text().splitlines()
            assert len({line.split(",")[0] for line in lines}) == 13

    def rows(self, kept: Path) -> int:
        """How many runs a folder has, as one sees from outside."""
        if (kept / "results.csv").exists():
            return len((kept / "results.csv").read_text().splitlines()) - 1
        if (kept / "results.parquet").exists():
            import pyarrow.parquet

            return int(pyarrow.parquet.read_metadata(kept / "results.parquet").num_rows)
        return len(list(kept.glob("part-*.parquet")))


class TestStopping:
    def noisy(self, lab: Lab, width: float = 1.0) -> float:
        MADE.append(lab.seed)
        return width * (lab.seed % 5)

    def test_points_stop_when_their_intervals_are_narrow(self) -> None:
        MADE.clear()
        table = p2plab.sweep(
            self.noisy,
            range(60),
            {"width": [0.0, 1.0, 100.0]},
            executor=InThisProcess(),
            progress=False,
            half_width={"value": 0.6},
        )
        counts = {width: sum(run.parameters["width"] == width for run in table) for width in (0.0, 1.0, 100.0)}
        assert counts[0.0] == 5
        assert 5 < counts[1.0] < 60
        assert counts[100.0] == 60
        assert counts[1.0] % 5 == 0
        means = {mean.parameters["width"]: mean.half_width for mean in table.means()}
        assert means[1.0] is not None
        assert means[1.0] <= 0.6
        assert len(table.spared) == 180 - len(table)
        assert table.missing == []
        assert "not needed" in repr(table)

    def test_which_seeds_are_run_does_not_depend_on_who_is_faster(self) -> None:
        from concurrent.futures import ThreadPoolExecutor

        def go(executor: Any) -> list[tuple[int, Any]]:
            table = p2plab.sweep(
                self.noisy,
                range(30),
                {"width": [0.0, 1.0]},
                executor=executor,
                progress=False,
                half_width={"value": 0.8},
            )
            return [(run.seed, run.parameters["width"]) for run in table]

        with ThreadPoolExecutor(4) as threads:
            assert go(threads) == go(InThisProcess())

    @pytest.mark.parametrize("rule", [{}, {"value": 0}, {"value": "x"}, 0.1, {"value": True}, {3: 1.0}])
    def test_a_rule_that_is_none(self, rule: Any) -> None:
        with pytest.raises(ValidationError, match="half_width="):
            p2plab.sweep(self.noisy, range(5), executor=InThisProcess(), progress=False, half_width=rule)


class TestOpening:
    def test_a_run_of_the_table_is_a_lab(self) -> None:
        table = swept(None)
        lab = table.open(0)
        assert (len(lab.nodes), lab.seed) == (4, 0)
        assert lab.propagation(lab.events.filter(kind="pubsub.publish")[0].ref).duration == table[0].values["duration"]
        (failed,) = table.failures
        stopped = table.open(failed)
        assert (len(stopped.nodes), stopped.seed, stopped.now) == (6, 1, 2.0)
        for wrong in (99, "x", True):
            with pytest.raises(ValidationError, match="a run of the table"):
                table.open(wrong)

    def test_an_async_scenario_s_too(self, tmp_path: Path) -> None:
        async def scenario(lab: Any) -> float:
            one, other = await lab.start_nodes(2)
            await one.connect(other)
            return float(await one.ping(other))

        table = p2plab.sweep(scenario, range(2), executor=InThisProcess(), progress=False)
        lab = table.open(1)
        assert lab.edges() == [("n0", "n1")]
        assert lab["n0"].ping("n1") == table[1].values["value"]
        assert p2plab.open(lab.save(tmp_path / "run.p2plab")).events.digest() == lab.events.digest()

    def test_the_table_is_saved_for_other_tools(self, tmp_path: Path) -> None:
        import pandas
        import pyarrow.parquet

        table = swept(None)
        found = [run.values.get("duration") for run in table]
        # Older pandas reads a number to its last digit but one.
        durations = [value if value is None else pytest.approx(value) for value in found]
        read = pandas.read_csv(table.save(tmp_path / "table.csv"))
        assert [None if pandas.isna(value) else value for value in read["duration"]] == durations
        rows = pyarrow.parquet.read_table(table.save(tmp_path / "table.parquet")).to_pylist()
        assert [row["extra"] for row in rows] == [run.parameters["extra"] for run in table]
        with pytest.raises(ValidationError, match=r"\.csv or \.parquet"):
            table.save(tmp_path / "table.xlsx")


def test_a_table_in_parquet_without_pyarrow_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with Lab(seed=1) as lab, pytest.raises(MissingExtraError, match="parquet"):
        lab.start_node("a")
        lab.export(tmp_path / "run.parquet")
