"""Lookups in a mock lab of the size of IPFS' DHT in 2022, for what ProbeLab measured there (docs/how-the-simulation-is-
known-to-be-right.md). ``python -m tests.interop.probelab 15000 300``; takes minutes."""

from __future__ import annotations

import random
import sys
from math import fsum

from p2plab import Lab
from p2plab.identity.cid import cid_for
from p2plab.kademlia import DhtParams
from p2plab.kademlia.lookups.result import Lookup


def quantile(values: list[int], share: float) -> int:
    """Of whole numbers."""
    return sorted(values)[round(share * (len(values) - 1))]


def discovered(lookup: Lookup) -> int:
    """At which hop the last of the closest peers was heard of for the first time: RFM 17's "minimum hops"."""
    heard = {query.peer: query.hop - 1 for query in lookup.path if query.hop == 1}
    for query in lookup.path:
        for peer in query.closer:
            heard.setdefault(peer, query.hop)
    return max(heard.get(info.peer_id, 0) for info in lookup.peers)


def main(nodes: int, lookups: int) -> None:
    """Say what came out."""
    params = DhtParams(
        alpha=10, resiliency=3, max_providers=1, ip_limit_bucket=0, ip_limit_table=0, ip_limit_lookup=0,
        refresh_interval=None, check_after=None,
    )  # fmt: skip
    draw = random.Random("probelab")
    with Lab(seed=1, network="regions", transport="quic", dht=params, recording="counters") as lab:
        everyone = lab.start_nodes(nodes)
        lab.dht.fill()
        total, found, first, seconds = [], [], [], []
        for number in range(lookups):
            publisher, seeker = draw.sample(everyone, 2)
            closest = publisher.dht.closest_peers(draw.randbytes(32))
            total.append(max(query.hop for query in closest.path))
            found.append(discovered(closest))
            cid = cid_for(f"content {number}".encode())
            publisher.dht.provide(cid)
            walk = seeker.dht.find_providers(cid)
            told = [query for query in walk.path if "provider" in query.answer]
            if told:
                first.append(min(query.hop for query in told))
                seconds.append(min(query.time + (query.duration or 0.0) for query in told) - walk.started)
    sys.stdout.write(
        f"{nodes} servers, {lookups} lookups\n"
        f"hops until nobody closer is heard of: median {quantile(total, 0.5)}, 90 % {quantile(total, 0.9)}\n"
        f"hops to hear of all of the closest: 95 % {quantile(found, 0.95)}\n"
        f"hops to the first provider: mean {fsum(first) / len(first):.2f}, of {len(first)}\n"
        f"seconds to the first provider: mean {fsum(seconds) / len(seconds):.3f}\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
