"""A class is graded: who is right gets the points, ten wrong ways hear what is wrong, five hostile files harm nobody.

P2PLAB_CLASS=60 in the environment makes it a class of sixty (with ``-o faulthandler_timeout=0``: on a busy machine it
takes over five minutes); how long that takes is in the junit record.
"""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from p2plab import teaching
from p2plab.teaching.grading import write_marks
from tests.unit.teaching.classroom import HIDDEN, HOSTILE, KEY, WRONG, make_class

SIZE = int(os.environ.get("P2PLAB_CLASS", "18"))
SECONDS = 15.0  # of processor time, for a file


@pytest.mark.slow
def test_a_class_is_graded(tmp_path: Path, record_testsuite_property: Callable[[str, object], None]) -> None:
    assert (len(WRONG), len(HOSTILE)) == (10, 5)
    folder, secret = tmp_path / "answers", tmp_path / "secret"
    folder.mkdir()
    secret.mkdir()
    expected = make_class(folder, SIZE)
    (secret / "hidden.py").write_text(HIDDEN, encoding="utf-8")
    (secret / "key.toml").write_text(KEY, encoding="utf-8")
    began = time.perf_counter()
    grades = {one.file: one for one in teaching.grade(folder, secret / "key.toml", seconds=SECONDS)}
    record_testsuite_property("files", len(grades))
    record_testsuite_property("seconds", round(time.perf_counter() - began))
    assert grades.keys() == expected.keys()
    assert len(grades) == SIZE
    for file, wanted in expected.items():
        found = grades[file]
        assert found.total == wanted.points, f"{file}: {found}"
        assert wanted.says in " ".join([found.trouble, *found.says.values()]), f"{file}: {found}"
        assert found.same_as == wanted.same_as, f"{file}: {found.same_as}"
    assert grades["endless.p2plab"].trouble.endswith("was ended")
    assert not list(tmp_path.rglob("harmed"))
    marks = write_marks(list(grades.values()), tmp_path / "marks.csv")
    with marks.open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == SIZE
    assert not [cell for row in rows for cell in row.values() if cell and cell[0] in "=+-@"]
