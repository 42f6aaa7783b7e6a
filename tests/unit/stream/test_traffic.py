"""The table of bytes by peer and protocol."""

from __future__ import annotations

from p2plab.constants import MULTISTREAM_ID
from p2plab.stream.traffic import LIMIT, OTHERS, Traffic, TrafficRow, TrafficTable
from p2plab.typing import PeerId

BOB = PeerId("12D3KooWGRUfvqMAzYbVY2DBjTZyb7Tk6r8sQk5xzKDkA1nHkaVZ", "bob")


def counted() -> Traffic:
    traffic = Traffic()
    traffic.account(1, "/echo/1").sent += 1_500
    traffic.account(1, "/echo/1").received += 10
    traffic.account(1, "").sent += 20
    traffic.account(1, "/quiet/1")
    return traffic


def test_bytes_add_up_by_peer_and_protocol_and_silence_is_left_out() -> None:
    rows = counted().rows(lambda index: BOB)
    assert rows == [TrafficRow(BOB, "/echo/1", 1_500, 10), TrafficRow(BOB, MULTISTREAM_ID, 20, 0)]


def test_rates_are_of_the_time_since_an_earlier_table() -> None:
    traffic = counted()
    before = TrafficTable("alice", 10.0, traffic.rows(lambda index: BOB))
    traffic.account(1, "/echo/1").sent += 500
    after = TrafficTable("alice", 12.0, traffic.rows(lambda index: BOB), before)
    assert [(row.sent_rate, row.received_rate) for row in after] == [(250.0, 0.0), (0.0, 0.0)]
    assert before[0].sent_rate == 150.0
    assert (after.sent, after.received) == (2_020, 10)


def test_a_peer_that_makes_up_protocols_fills_one_row() -> None:
    traffic = Traffic()
    for number in range(LIMIT + 50):
        traffic.account(1, f"/chat/1.{number}.0").received += 1
    rows = traffic.rows(lambda index: BOB)
    assert len(rows) == LIMIT + 1
    assert (rows[-1].protocol, rows[-1].received) == (OTHERS, 50)
    assert OTHERS in str(TrafficTable("alice", 1.0, rows))


def test_people_read_names_first_and_sizes_in_units_and_nothing_a_peer_made_up_acts() -> None:
    rows = [TrafficRow(BOB, "/<script>\x1b[2J/1", 2_500_000, 999)]
    table = TrafficTable("alice", 1.0, rows)
    assert str(table).splitlines()[1].split() == [
        *("bob", "(…nHkaVZ)", "/<script>\N{REPLACEMENT CHARACTER}[2J/1"),
        *("2.5", "MB", "999", "B", "2.5", "MB", "999", "B"),
    ]
    assert "<script>" not in table._repr_html_()
    assert str(TrafficTable("alice", 1.0, [])) == "alice has exchanged nothing yet"
