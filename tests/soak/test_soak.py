"""A lab under everything that a class does to it: nothing is lost that should arrive, and nothing grows.

``make soak`` runs it for P2PLAB_SOAK_SECONDS (480, at most 600).
"""

from __future__ import annotations

import gc
import logging
import os

import pytest
import trio

from p2plab import Lab
from tests.soak.account import Sample, grown, library_objects, sample, tasks
from tests.soak.conditions import Conditions

SECONDS = min(600.0, float(os.environ.get("P2PLAB_SOAK_SECONDS", "480")))
NODES = 10
EVERY = max(2.0, SECONDS / 24)
REST = 30.0  # seconds in which what is under way must come to an end
# MB a second that the second half may leave behind: 0.03 were measured at rest in 120 s of this, 0.13 before what grew
# with every crash and every cancelled call was bounded; and what an allocator keeps or gives back as it likes.
SLOPE, JITTER = 0.06, 2.0
# MB by which a short soak may grow besides: what is kept of messages and peers up to a bound is still filling then; 10
# were measured from half to half of 60 s.
FILLING = 25.0 if SECONDS < 240 else 0.0
MESHES = 60.0  # seconds in which all must have heard of all
MORE = 20  # tasks, files: those of what happens to be under way


def test_soak(monkeypatch: pytest.MonkeyPatch) -> None:
    # pytest keeps what is logged, and with the exceptions in it the frames of hosts that are long gone.
    monkeypatch.setattr(logging.getLogger("libp2p"), "propagate", False)
    with Lab("real", seed=7, recording="counters") as lab:
        core = [node.name for node in lab.start_nodes(NODES)]
        lab.wire("full")  # so that no call adds a connection that stays
        conditions = Conditions(lab, core, seed=1)
        got = conditions.got
        samples: list[Sample] = []
        counts = []

        async def listen(name: str) -> None:
            queue = conditions.host(name).subscribe("news")
            while True:
                got[name].add((await queue.receive(None)).id)

        async def measure() -> None:
            while True:
                samples.append(sample(lab.now))
                print(samples[-1], flush=True)
                await trio.sleep(EVERY)

        async def until_quiet() -> None:
            """Until every message has come and every visitor's call is over."""
            with trio.move_on_after(REST):
                while any(len(ids) < len(set(conditions.published)) for ids in got.values()):
                    await trio.sleep(0.1)

        def meshed() -> bool:
            sides = [conditions.host(name).pubsub for name in core]
            return all(len(side.topic_peers("news")) == NODES - 1 and side.mesh("news") for side in sides)

        async def soak() -> None:
            async with trio.open_nursery() as nursery:
                for name in core:
                    nursery.start_soon(listen, name)
                assert await lab.world.until(meshed, MESHES), "the nodes do not know of each other's subscriptions"
                nursery.start_soon(measure)
                for part in range(2):  # what is there after the first half is what the second must leave
                    with trio.move_on_after(SECONDS / 2):
                        await conditions.run()
                    await conditions.send_home()
                    await until_quiet()
                    await trio.sleep(12)  # the library's own limits on handshakes and closing
                    for _ in range(2):  # what trio has to finish between, such as generators of hosts that crashed
                        gc.collect()
                        await trio.sleep(1)
                    counts.append((sample(lab.now), library_objects(), tasks()))
                    print(f"after part {part + 1}, at rest: {counts[-1][0]}", flush=True)
                nursery.cancel_scope.cancel()

        lab.world.run(soak)
        crashed = lab.events.counts.get("node.crashed", 0)
        visits = conditions.done.get("visitors gone", 0)
    expected = set(conditions.published)
    lost = {name: len(expected - ids) for name, ids in got.items() if expected - ids}
    (first, objects, names), (second, more_objects, more_names) = counts
    print("\ndone:", ", ".join(f"{count} {what}" for what, count in sorted(conditions.done.items())))
    print(f"lost, of {len(expected)} messages at each of {NODES} nodes: {sum(lost.values())}")
    print(f"memory at rest, after each half: {first.memory:.1f}, {second.memory:.1f} MB")
    print("py-libp2p's objects that became more from half to half:")
    for name, before, after in grown(objects, more_objects, least=10):
        print(f"  {name}: {before} -> {after}")
    print("tasks that became more:", grown(names, more_names, least=3) or "none")
    assert sum(lost.values()) == 0, lost
    assert conditions.dead == []
    assert crashed <= visits  # nobody's but those asked for
    assert second.tasks <= first.tasks + MORE
    assert second.threads <= first.threads
    assert second.files <= first.files + MORE
    assert second.memory <= first.memory + FILLING + JITTER + SLOPE * SECONDS / 2
