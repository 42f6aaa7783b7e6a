"""Rows of a log are the same rows when they are packed: to who reads them, searches them, saves and forgets them."""

from __future__ import annotations

import pickle
import random
import sys
import threading
import tracemalloc
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import pytest

from p2plab.events import EventLog
from p2plab.events.event import COLUMNS, Row
from p2plab.events.rows import SIZE, Rows

KINDS = ("pubsub.receive", "pubsub.deliver", "pubsub.graft", "connection.opened", "error")
MANY = 3 * SIZE + 100


class Way(IntEnum):
    """A number of somebody's own, which marshal does not take."""

    IN = 1


def some_rows(count: int, seed: int = 1, gap: int = 1) -> list[Row]:
    draw, tick = random.Random(seed), 0
    rows: list[Row] = []
    for number in range(count):
        tick += draw.choice((0, 0, 3))
        data: list[dict[str, Any] | None] = [None, {"connection": draw.randrange(99), "of": ["a", 1.5, None, ()]}]
        rows.append(
            (
                tick,
                number * gap,
                draw.choice(KINDS),
                draw.randrange(-1, 500),
                draw.randrange(-1, 3),
                draw.choice((None, "news")),
                draw.choice((None, f"id {number // 50}")),
                draw.choice((None, 7, 2**70)),
                draw.choice((None, "full")),
                draw.choice((-1, max(number - 5, -1))),
                draw.choice(data),
            )
        )
    return rows


@pytest.fixture(scope="module")
def plain() -> list[Row]:
    return some_rows(MANY)


@pytest.fixture(scope="module")
def rows(plain: list[Row]) -> Rows:
    rows = Rows()
    for row in plain:
        rows.append(row)
    assert len(rows.newest) == SIZE + 100, "two blocks are packed"
    return rows


@pytest.mark.dear
def test_packed_rows_are_those_that_were_appended(rows: Rows, plain: list[Row]) -> None:
    assert list(rows) == plain
    assert len(rows) == len(plain)
    for at in (0, 1, SIZE - 1, SIZE, 2 * SIZE, MANY - 1, -1, -MANY):
        assert rows[at] == plain[at]
    for at in (MANY, -MANY - 1):
        with pytest.raises(IndexError):
            rows[at]


@pytest.mark.parametrize(
    "part", [slice(5, 9), slice(-20, None), slice(SIZE - 2, 2 * SIZE + 2), slice(None, None, 4_000), slice(9, 3)]
)
def test_a_slice_is_a_list_of_the_same_rows(rows: Rows, plain: list[Row], part: slice) -> None:
    assert rows[part] == plain[part]


@pytest.mark.dear
@pytest.mark.parametrize("gone", [0, 1, SIZE - 1, SIZE, SIZE + 7, 2 * SIZE, 2 * SIZE + 60, MANY])
def test_rows_without_the_first_are_the_others(rows: Rows, plain: list[Row], gone: int) -> None:
    left = rows.without(gone)
    assert list(left) == plain[gone:]
    assert list(rows) == plain, "whoever had them all has them all"
    again = left.without(min(3, len(left)))
    assert list(again) == plain[gone + 3 :]
    if len(left) > SIZE:
        assert left[SIZE // 2] == plain[gone + SIZE // 2]
        assert left.place_of(gone + SIZE) == SIZE


@pytest.mark.parametrize("gone", [0, 500])
def test_columns_kinds_and_places_are_those_of_the_rows(rows: Rows, plain: list[Row], gone: int) -> None:
    left, rest = rows.without(gone), plain[gone:]
    start, stop = SIZE - 700, 2 * SIZE + 300
    assert list(left.scan("kind", "ref", "data", start=start, stop=stop)) == [
        (row[2], row[6], row[10]) for row in rest[start:stop]
    ]
    assert list(left.of_kinds({"error", "pubsub.graft"}, start, stop)) == [
        (at, row) for at, row in enumerate(rest[start:stop], start) if row[2] in ("error", "pubsub.graft")
    ]
    assert list(left.of_kinds(("node.started",))) == []
    places = sorted(random.Random(3).sample(range(len(rest)), 400))
    for some in (places, places[:1], [], range(40, SIZE + 5)):
        assert list(left.at(some)) == [rest[at] for at in some]
        for name in COLUMNS:
            assert list(left.column(name, some)) == [rest[at][COLUMNS.index(name)] for at in some]
    assert [left.field("t")[at] for at in places] == [rest[at][0] for at in places]


def test_a_row_is_found_by_its_number_where_some_are_missing() -> None:
    plain = some_rows(MANY, gap=3)
    rows = Rows(plain)
    assert [rows.place_of(number) for number in (0, 3 * SIZE, 3 * MANY - 3)] == [0, SIZE, MANY - 1]
    assert [rows.place_of(number) for number in (-1, 1, 3 * MANY)] == [None, None, None]
    assert Rows().place_of(0) is None


@pytest.mark.dear
def test_numbers_that_an_array_does_not_take_and_data_that_marshal_does_not_are_kept() -> None:
    odd: list[Row] = [
        (2**70 + at, at, "error", -1, -1, None, None, None, None, -1, {"way": Way.IN, "at": at})
        for at in range(2 * SIZE)
    ]
    rows = Rows(odd)
    assert rows[5] == odd[5]
    assert list(rows) == odd


def test_what_a_reader_does_to_data_changes_no_packed_row(rows: Rows, plain: list[Row]) -> None:
    at = next(place for place, row in enumerate(plain) if row[10])
    data = rows[at][10]
    assert data is not None
    data.clear()
    assert rows[at] == plain[at]


def test_packed_rows_can_be_pickled_and_go_on(plain: list[Row]) -> None:
    rows: Rows = pickle.loads(pickle.dumps(Rows(plain)))
    rows.append(plain[-1])
    assert list(rows) == [*plain, plain[-1]]


def filled(limit: int, rows: Sequence[Row]) -> EventLog:
    tick = 0
    log = EventLog(10_000, lambda: tick, "all", limit)
    for name in range(500):
        log.register(f"n{name}")
    for row in rows:
        tick = row[0]
        log.record(row[2], *row[3:9], data=row[10], cause=row[9])
    return log


@pytest.mark.dear
def test_a_log_that_packs_and_forgets_says_what_one_that_does_neither_says(plain: list[Row]) -> None:
    limit, rows = 2 * SIZE + 50, plain[: 2 * SIZE + 3_000]
    whole, short = filled(10 * MANY, rows), filled(limit, rows)
    assert short.dropped > 0
    assert len(short) == len(rows) - short.dropped <= limit
    assert short.digest() == whole.digest()
    assert list(short) == list(whole)[short.dropped :]
    middle = short[len(short) // 2].t
    asked: list[dict[str, Any]] = [
        *({"kind": "error"}, {"node": "n7"}, {"ref": "id 600"}, {"peer": "n1", "topic": "news"}, {"reason": "full"}),
        {"kind": "pubsub", "ref": "id 500", "since": middle - 1},
        {"node": "n1", "kind": "connection.opened", "until": middle},
    ]
    for one in asked:
        found = short.filter(**one)
        assert found == [event for event in whole.filter(**one) if event.seq >= short.dropped]
        assert found
    last = whole[-1]
    assert short.by_seq(last.seq) == last
    assert [event.seq for event in whole.chain(last)][-1] == last.seq
    assert list(short.chain(last)) == [event for event in whole.chain(last) if event.seq >= short.dropped]


def test_a_reader_sees_every_row_once_while_rows_are_packed() -> None:
    plain = some_rows(2 * SIZE)
    rows = Rows(plain[: 2 * SIZE - 1])
    seen: list[Row] = []
    reader = iter(rows)
    seen += [next(reader) for _ in range(10)]
    rows.append(plain[-1])
    assert len(rows.newest) == SIZE
    seen += reader
    assert seen == plain[:-1], "those that there were when it began"


def test_threads_may_read_while_rows_are_packed(plain: list[Row]) -> None:
    rows, failed, stop = Rows(), [], threading.Event()

    def read() -> None:
        draw = random.Random(7)
        while not stop.is_set():
            size = len(rows)
            if size:
                at = draw.randrange(size)
                if rows[at] != plain[at] or rows[-1][1] < size - 1 or rows.field("seq")[at] != at:
                    failed.append(at)

    threads = [threading.Thread(target=read) for _ in range(2)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for row in plain:
            rows.append(row)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(before)
    assert not failed
    assert list(rows) == plain


@pytest.mark.dear
def test_a_packed_row_takes_a_fifth_of_the_memory() -> None:
    log = EventLog(10_000, lambda: tick, "all")
    nodes = [log.register(f"n{number}") for number in range(100)]
    ids = [f"{number:0100x}" for number in range(40)]

    tick = 0
    held: list[int] = []
    tracemalloc.start()
    try:
        for number in range(3 * SIZE):
            if number == SIZE:
                held.append(tracemalloc.get_traced_memory()[0])
            tick = 1_000 + number // 9
            node, peer = nodes[number % 100], nodes[number % 77]
            log.record("pubsub.duplicate", node, peer, "news", ids[number % 40], 100, "seen")
        held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    loose, packed = held[0], (held[1] - held[0]) / 2
    assert loose / SIZE > 150
    assert packed / SIZE < 40
