"""The gate: one piece at a time, by priority, and never stuck."""

from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from p2plab.stream.flow.gate import LARGE, SMALL, FairGate
from p2plab.stream.priorities import weight_of
from tests.unit.stream.toy import ToyRuntime


def test_a_ping_goes_ahead_of_a_transfer_that_is_under_way() -> None:
    runtime = ToyRuntime()
    gate = FairGate(runtime)
    written: list[str] = []

    async def write(name: str, weight: int, pieces: int) -> None:
        for _ in range(pieces):
            await gate.enter(name, weight, 16384)
            await runtime.sleep(0.01)
            written.append(name)
            gate.leave()

    async def transfer() -> None:
        for part in range(4):
            runtime.spawn(partial(write, f"bulk {part}", weight_of("bulk"), 20), "a part")

    async def ping() -> None:
        await runtime.sleep(0.105)
        await write("ping", weight_of("control"), 1)

    runtime.run(transfer, ping)
    assert written.index("ping") == 11  # the piece under way when it came, and it
    runtime.drain()
    assert len(written) == 81


def test_pieces_are_small_only_while_somebody_has_had_to_wait_lately() -> None:
    runtime = ToyRuntime()
    gate = FairGate(runtime)

    async def write(pieces: int) -> list[int]:
        sizes = []
        for _ in range(pieces):
            sizes.append(gate.piece)
            await gate.enter("flow", 1, gate.piece)
            await runtime.sleep(0.01)
            gate.leave()
        return sizes

    assert set(runtime.run(partial(write, 5))[0]) == {LARGE}
    transfer, _ = runtime.run(partial(write, 30), partial(write, 1))
    assert transfer[:2] == [LARGE, SMALL]
    assert transfer[-1] == LARGE


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 30), st.booleans()), max_size=30))
def test_a_writer_that_gives_up_holds_nobody_up(writers: list[tuple[int, int, bool]]) -> None:
    runtime = ToyRuntime()
    gate = FairGate(runtime)
    done: list[int] = []
    busy = 0

    async def write(number: int, weight: int, patience: int, patient: bool) -> None:
        nonlocal busy

        async def enter() -> None:
            await gate.enter(number, weight, 100)

        try:
            await runtime.within(None if patient else patience / 100, enter)
        except TimeoutError:
            return
        assert busy == 0
        busy += 1
        await runtime.sleep(0.05)
        busy -= 1
        done.append(number)
        gate.leave()

    runtime.run(*(partial(write, number, *each) for number, each in enumerate(writers)))
    assert set(done) >= {number for number, (_, _, patient) in enumerate(writers) if patient}
    runtime.run(partial(gate.enter, "last", 1, 1))
