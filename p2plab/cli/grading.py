"""``p2plab grade``: a class's answers, as a table of marks."""

from __future__ import annotations

from p2plab.cli.output import fail, say
from p2plab.teaching.grading import grade, write_marks
from p2plab.text import aligned

__all__ = ["grade_folder"]


def grade_folder(folder: str, key: str | None, csv: str | None, run_code: bool, seconds: float, megabytes: int) -> int:
    """Grade it and print the marks; 1 where there is nothing to grade."""
    found = grade(folder, key, run_code, seconds, megabytes)
    if not found:
        return fail(f"there is no .p2plab file in {folder}")
    rows = [["file", "student", "points", ""]]
    for one in found:
        twins = f"the same history as {', '.join(one.same_as)}" if one.same_as else ""
        rows.append([one.file, one.student, f"{one.total:g}", one.trouble or twins])
    say(aligned(rows))
    if csv is not None:
        say(f"written to {write_marks(found, csv)}")
    return 0
