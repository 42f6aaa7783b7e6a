"""Latencies between sites, and the table of regions that comes with p2plab; ``latency_files.py`` reads others."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from p2plab.errors import ValidationError
from p2plab.network.link import check_number

__all__ = ["LatencyMatrix", "regions"]

MOST_SITES = 20_000


class LatencyMatrix:
    """One-way latencies in seconds between sites.

    ``weights``: the share of nodes that live at each site (whole numbers). ``loss``: by pair, the probability that a
    packet is lost, 0 up to below 1; None: the links' own. ``up``, ``down``: by site, the bandwidth of each of its nodes
    in bytes a second, None for no limit; None for all: the nodes' own.
    """

    def __init__(
        self,
        sites: Sequence[str],
        seconds: Sequence[Sequence[float]],
        weights: Sequence[int] | None = None,
        source: str = "",
        loss: Sequence[Sequence[float]] | None = None,
        up: Sequence[float | None] | None = None,
        down: Sequence[float | None] | None = None,
    ) -> None:
        count = len(sites)
        if not 1 <= count <= MOST_SITES:
            raise ValidationError(f"{source or 'a latency matrix'} has {count} sites; 1 to {MOST_SITES} go")
        if len(set(sites)) < count:
            twice = next(site for site in sites if list(sites).count(site) > 1)
            raise ValidationError(f"{source or 'the latency matrix'} names the site {twice!r} twice")
        if len(seconds) != count or any(len(row) != count for row in seconds):
            raise ValidationError(f"{source or 'a latency matrix'} has {count} sites, so {count} rows of {count} times")
        if not all(sites):
            raise ValidationError(f"{source or 'the latency matrix'} has a site without a name")
        where = f"{source}: the " if source else "the "
        for site, row in zip(sites, seconds, strict=True):
            for other, value in zip(sites, row, strict=True):
                check_number(f"{where}latency from {site} to {other}", value, 3600.0, "0 up to an hour, in seconds")
        if weights is not None:
            _check_weights(source, sites, weights)
        self.sites = list(sites)
        self.seconds = [list(row) for row in seconds]
        self.weights = list(weights) if weights is not None else [1] * count
        self.loss = [list(row) for row in loss] if loss is not None else None
        self.up = list(up) if up is not None else None
        self.down = list(down) if down is not None else None

    def __len__(self) -> int:
        return len(self.sites)

    def __repr__(self) -> str:
        return f"<LatencyMatrix of {len(self)} sites: {', '.join(self.sites[:6])}{', …' if len(self) > 6 else ''}>"


@cache
def regions() -> LatencyMatrix:
    """Six regions of the world with the round-trip times and the shares of nodes of ``regions.csv``."""
    text = (files("p2plab.network") / "regions.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    names = [row["region"] for row in rows]
    return LatencyMatrix(
        names, [[float(row[name]) / 2000 for name in names] for row in rows], [int(row["weight"]) for row in rows]
    )


def _check_weights(source: str, sites: Sequence[str], weights: Sequence[int]) -> None:
    whole = all(isinstance(weight, int) and not isinstance(weight, bool) and weight >= 0 for weight in weights)
    if len(weights) != len(sites) or not whole or not any(weights):
        raise ValidationError(
            f"{source or 'a latency matrix'} has weights {list(weights)[:8]}: give each of its {len(sites)} sites a "
            "whole number from 0 up, and one of them more than 0"
        )
