"""The key that a class is graded with: what it must have, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2plab.errors import LabError
from p2plab.teaching.grading import read_key


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "gives no points"),
        ("points = 3\n", r"points = 3; write \[points\]"),
        ("[[points]]\nfirst = 1\n", r"write \[points\]"),
        ("[point]\nfirst = 1\n", "'point'; did you mean points"),
        ("cheks = 'c.py'\n[points]\nfirst = 1\n", "'cheks'; did you mean checks"),
        ("[points]\nfirst = nan\n", "first nan points"),
        ("[points]\nfirst = -1\n", "first -1 points"),
        ("[points]\nfirst = " + "9" * 400 + "\n", "a number from 0 to 1,000,000"),
        ("checks = ['c.py']\n[points]\nfirst = 1\n", "is no file beside it"),
        ("of = 3\n[points]\nfirst = 1\n", r"write \[of\]"),
        ("[points]\nfirst = 1\n[of]\nfrist = 'x'\n", "did you mean first"),
        ("[points]\nfirst = 1\n[of]\nfirst = 3\n", r"first = 3 under \[of\]"),
        ("a = " + "[" * 5000, "no TOML"),
    ],
)
def test_a_key_that_is_wrong_says_where(tmp_path: Path, text: str, wrong: str) -> None:
    (tmp_path / "key.toml").write_text(text)
    with pytest.raises(LabError, match=rf"(?s)key\.toml.*{wrong}"):
        read_key(tmp_path / "key.toml")
