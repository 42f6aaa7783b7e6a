"""Tables of HTML: words at the left, numbers at the right, as the front end has it."""

from __future__ import annotations

from p2plab.text import html_table


def test_columns_of_words_are_aligned_to_the_left_and_those_of_numbers_are_left_alone() -> None:
    page = html_table(
        ("t (s)", "who", "took"), [("1.20", "alice", 3), ("12.5", "7", None)], caption="<who>", spaces=True
    )
    assert page.count('style="text-align: left"') == 3  # the head and two cells of "who"
    assert '<td>1.20</td><td style="text-align: left">alice</td><td>3</td>' in page
    assert '<td>12.5</td><td style="text-align: left">7</td><td></td>' in page
    assert '<caption style="text-align: left; white-space: normal">&lt;who&gt;</caption>' in page


def test_a_table_without_rows_has_its_head() -> None:
    assert "<th>who</th>" in html_table(("who",), [])
