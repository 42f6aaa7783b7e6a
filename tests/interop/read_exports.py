"""What is exported here, read by libraries that have nothing to do with those that wrote it: ``make exports``.

The first argument is a Python that has duckdb, polars, fastparquet and networkx; with ``--inside`` this is it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(python: str) -> None:
    """Export a run, and have it read."""
    from p2plab import Lab

    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.interop.provide import HERE, mermaid_reader

    with TemporaryDirectory() as name:
        folder = Path(name)
        with Lab(seed=7, recording="all") as lab:
            nodes = lab.start_nodes(8)
            lab.wire("random", degree=3)
            for node in nodes:
                node.subscribe("news")
            lab.run(2)
            nodes[0].publish("news", b"hello")
            lab.run(1)
            for end in ("parquet", "gexf", "graphml"):
                lab.export(folder / f"run.{end}")
            expected = {"events": len(lab.events), "edges": len(lab.edges()), "deliveries": 8}
        subprocess.run([python, __file__, "--inside", str(folder), json.dumps(expected)], check=True)
        copy = Path(shutil.copytree(HERE / "grafana", folder / "grafana"))
        read = [*mermaid_reader(copy), str(HERE.parents[1] / "docs" / "grafana-dashboard.json")]
        wrong = subprocess.run(read, check=True, capture_output=True, text=True).stdout
        assert not wrong, wrong
    say("the dashboard fits the types of @grafana/schema")


def inside(folder: Path, expected: dict[str, int]) -> None:
    """Read it, and compare."""
    names = ("duckdb", "polars", "fastparquet", "networkx")
    duckdb, polars, fastparquet, networkx = (import_module(name) for name in names)
    path = folder / "run.parquet"
    asked = f"select count(*), count(*) filter (where kind = 'pubsub.deliver') from '{path}'"
    deliveries: Any = polars.col("kind") == "pubsub.deliver"
    frame, other = polars.read_parquet(path), fastparquet.ParquetFile(str(path)).to_pandas()
    found = {
        "duckdb": duckdb.sql(asked).fetchall()[0],
        "polars": (len(frame), len(frame.filter(deliveries))),
        "fastparquet": (len(other), int((other["kind"] == "pubsub.deliver").sum())),
    }
    versions = {"duckdb": duckdb.__version__, "polars": polars.__version__, "fastparquet": fastparquet.__version__}
    for name, counts in found.items():
        assert tuple(counts) == (expected["events"], expected["deliveries"]), (name, counts, expected)
        say(f"{name} {versions[name]} reads run.parquet")
    for graph in (networkx.read_gexf(folder / "run.gexf"), networkx.read_graphml(folder / "run.graphml")):
        assert graph.number_of_edges() == expected["edges"], (graph, expected)
    say(f"networkx {networkx.__version__} reads run.gexf and run.graphml")


if __name__ == "__main__":
    if sys.argv[1] == "--inside":
        inside(Path(sys.argv[2]), json.loads(sys.argv[3]))
    else:
        main(sys.argv[1])
