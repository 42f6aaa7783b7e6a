"""Charts of what event logs, sweeps and comparisons say, for screens and for papers.

Each takes ``(source, *, topic=None, since=None, until=None)`` and gives a ``Chart`` with ``.figure`` (Bokeh),
``.data`` (DataFrame), ``.rows`` (lists) and ``.save("x.svg" | "x.png" | "x.pdf" | "x.html")``.

>>> chart = p2plab.charts.latency(lab, topic="news")
>>> chart.save("latency.pdf")
"""

from __future__ import annotations

from p2plab.charts.bandwidth import bandwidth as bandwidth
from p2plab.charts.chart import Chart as Chart
from p2plab.charts.lookups import lookups as lookups
from p2plab.charts.meshes import mesh_sizes as mesh_sizes
from p2plab.charts.messages import duplicates as duplicates
from p2plab.charts.messages import latency as latency
from p2plab.charts.messages import throughput as throughput
from p2plab.charts.runs import comparison as comparison
from p2plab.charts.runs import sweep as sweep
from p2plab.charts.scores import scores as scores
from p2plab.charts.transfers import transfers as transfers

__all__ = [
    "Chart",
    "bandwidth",
    "comparison",
    "duplicates",
    "latency",
    "lookups",
    "mesh_sizes",
    "scores",
    "sweep",
    "throughput",
    "transfers",
]
