"""The course's machinery: checks, predictions, variants, submissions, grading."""

from __future__ import annotations

import csv
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from p2plab import Lab, teaching
from p2plab.errors import ConfigurationError, SnapshotError, ValidationError
from p2plab.teaching import grading
from p2plab.teaching.exercises import _EXERCISES
from p2plab.teaching.grading import write_marks
from p2plab.teaching.submission import Submission


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    teaching.forget()
    yield
    teaching.forget()


class TestChecks:
    def test_an_answer_is_judged_and_kept_for_the_submission(self) -> None:
        right = str(Lab(seed=1).start_node("alice").peer_id)
        assert teaching.check("01.1", right)
        wrong = teaching.check("01.1", "alice")
        assert not wrong
        assert "no peer id" in str(wrong)
        assert "Not yet" in wrong._repr_html_()

    def test_an_answer_of_another_kind_is_a_hint_and_no_traceback(self) -> None:
        for found in teaching.exercises():
            for strange in (None, 7, "x", [], object()):
                verdict = found(strange)
                assert verdict.says, found.name

    def test_an_exercise_that_is_none_names_the_near_ones(self) -> None:
        with pytest.raises(ValidationError, match=r"did you mean 01\."):
            teaching.check("01.9", 1)
        with pytest.raises(ValidationError, match=r"called like 03\.1"):
            teaching.exercise("three", "x")

    def test_they_are_listed_by_lesson(self) -> None:
        assert [found.name for found in teaching.exercises("01")] == ["01.1", "01.2", "01.3", "01.4"]
        assert all(found.task for found in teaching.exercises())

    def test_hostile_text_in_an_answer_is_text(self) -> None:
        verdict = teaching.check("01.2", "<script>alert(1)</script>")
        assert "<script>" not in verdict._repr_html_()


class TestPredictions:
    def test_what_was_said_stands_beside_what_is(self) -> None:
        assert "noted" in repr(teaching.predict("hops", 3))
        assert teaching.reveal("hops", 3).right
        assert not teaching.reveal("hops", 5).right
        assert "did not say" in repr(teaching.reveal("other", 1))

    @pytest.mark.parametrize(
        ("expected", "found", "right"),
        [(100, 108, True), (100, 120, False), (["b", "a"], ["a", "b"], True), ("yes", "no", False), (0, 0, True)],
    )
    def test_numbers_may_be_off_by_a_tenth_and_lists_by_their_order(
        self, expected: Any, found: Any, right: bool
    ) -> None:
        teaching.predict("x", expected)
        assert teaching.reveal("x", found).right is right


class TestVariants:
    def test_the_same_text_gives_the_same_network_and_sixty_differ(self) -> None:
        assert teaching.variant("ada") == teaching.variant(" ada ")
        made = {(one.seed, one.nodes, one.degree, one.latency) for one in map(teaching.variant, map(str, range(60)))}
        assert len(made) == 60
        with pytest.raises(ValidationError, match="any text"):
            teaching.variant(" ")

    def test_a_network_of_it_is_made(self) -> None:
        mine = teaching.variant("ada")
        lab = Lab(seed=mine.seed, latency=mine.latency)
        lab.start_nodes(mine.nodes)
        lab.wire("random", degree=mine.degree)
        assert len(lab.nodes) == mine.nodes


@pytest.fixture
def lab_exercise() -> Iterator[str]:
    """An exercise whose answer is a lab."""

    def three(lab: Any) -> teaching.Verdict:
        found = len(lab.nodes)
        return teaching.Verdict(found == 3, "three nodes" if found == 3 else f"it has {found} nodes, and should have 3")

    teaching.exercise("99.1", "make a lab of three nodes")(three)
    yield "99.1"
    del _EXERCISES["99.1"]


class TestSubmissions:
    def test_answers_and_runs_travel_as_data(self, tmp_path: Path, lab_exercise: str) -> None:
        lab = Lab(seed=7)
        lab.start_nodes(3)
        assert teaching.check(lab_exercise, lab)
        teaching.check("01.4", None)
        path = teaching.submit(tmp_path / "ada.p2plab", student="ada")
        found = Submission(path)
        assert found.student == "ada"
        assert set(found.answers) == {lab_exercise, "01.4"}
        assert found.run_of(lab_exercise, tmp_path) is not None

    def test_nothing_answered_is_nothing_to_submit(self, tmp_path: Path) -> None:
        with pytest.raises(ValidationError, match="no answer"):
            teaching.submit(tmp_path / "x.p2plab")

    def test_what_is_no_submission_is_said(self, tmp_path: Path) -> None:
        path = tmp_path / "x.p2plab"
        path.write_bytes(b"hello")
        with pytest.raises(SnapshotError, match="no submission"):
            Submission(path)


class TestGrading:
    def answer(self, tmp_path: Path, name: str, cid: Any, seed: int = 7) -> Path:
        teaching.forget()
        teaching.check("01.3", cid)
        teaching.check("01.4", None)
        return teaching.submit(tmp_path / f"{name}.p2plab", student=name)

    @pytest.mark.dear
    def test_a_folder_of_files_gets_marks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from p2plab.identity.cid import cid_of

        self.answer(tmp_path, "ada", cid_of(b"hello, network!"))
        self.answer(tmp_path, "ben", "bafkrei")
        (tmp_path / "eve.p2plab").write_bytes(b"PK\x03\x04 nothing")
        with zipfile.ZipFile(tmp_path / "mal.p2plab", "w") as archive:
            archive.writestr("submission.json", "[" * 100_000)
        key = tmp_path / "key.toml"
        key.write_text('[points]\n"01.3" = 2\n"01.4" = 1\n')
        grades = {one.file: one for one in teaching.grade(tmp_path, key)}
        assert grades["ada.p2plab"].total == 3
        assert grades["ben.p2plab"].total == 1
        assert "no submission" in grades["eve.p2plab"].trouble
        assert grades["mal.p2plab"].trouble
        marks = write_marks(list(grades.values()), tmp_path / "marks.csv").read_text(encoding="utf-8")
        rows = list(csv.reader(marks.splitlines()))
        assert rows[0][:2] == ["file", "student"]

    def test_hidden_checks_come_from_the_key(self, tmp_path: Path) -> None:
        self.answer(tmp_path, "ada", "x")
        (tmp_path / "hidden.py").write_text(
            "from p2plab.teaching import Verdict, exercise\n"
            "@exercise('01.4', 'hidden')\n"
            "def _no_twins(answer):\n    return Verdict(answer is None, 'hidden check')\n"
            "@exercise('98.1', 'never answered')\n"
            "def other(answer):\n    return Verdict(True, '')\n"
        )
        key = tmp_path / "key.toml"
        key.write_text('checks = "hidden.py"\n[points]\n"98.1" = 5\n"01.4" = 1\n')
        (one,) = teaching.grade(tmp_path, key)
        assert one.points == {"98.1": 0.0, "01.4": 1.0}
        assert one.says["98.1"] == "not answered"

    def test_a_file_that_is_not_done_in_time_costs_its_own_marks_only(self, tmp_path: Path) -> None:
        self.answer(tmp_path, "ada", "x")
        (one,) = teaching.grade(tmp_path, seconds=0.01)
        assert "not done after 0.04 s on the clock" in one.trouble

    @pytest.mark.dear
    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on a process's processor time")
    def test_the_limit_is_on_processor_time_so_that_a_busy_machine_costs_no_marks(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.answer(tmp_path, "ada", "x")
        (tmp_path / "hidden.py").write_text(
            "from p2plab.teaching import Verdict, exercise\n"
            "@exercise('98.1', 'hidden')\n"
            "def endless(answer):\n    while True:\n        pass\n"
        )
        key = tmp_path / "key.toml"
        key.write_text('checks = "hidden.py"\n[points]\n"98.1" = 5\n[of]\n"98.1" = "01.3"\n')
        monkeypatch.setattr(grading, "PATIENCE", 600.0)
        (one,) = teaching.grade(tmp_path, key, seconds=1)
        assert "over 1 s of processor time" in one.trouble

    @pytest.mark.dear
    def test_equal_histories_are_flagged(self, tmp_path: Path) -> None:
        import json

        for name in ("ada", "ben"):
            run = Lab(seed=7)
            run.start_nodes(2)
            inner = run.save(tmp_path / "run").read_bytes()
            with zipfile.ZipFile(tmp_path / f"{name}.p2plab", "w") as archive:
                index = {"p2plab submission": 1, "student": name, "answers": {"01.1": {"run": "01.1.p2plab"}}}
                archive.writestr("submission.json", json.dumps(index))
                archive.writestr("01.1.p2plab", inner)
        grades = teaching.grade(tmp_path)
        assert [one.same_as for one in grades] == [("ben.p2plab",), ("ada.p2plab",)]

    @pytest.mark.dear
    def test_a_hidden_check_takes_the_place_of_the_course_s_or_looks_at_another_answer(self, tmp_path: Path) -> None:
        self.answer(tmp_path, "ada", "x")
        (tmp_path / "hidden.py").write_text(
            "from p2plab.teaching import Verdict, exercise\n"
            "@exercise('01.3', 'hidden')\n"
            "def other(answer):\n    return Verdict(answer == 'x', 'hidden check')\n"
            "@exercise('98.1', 'hidden, of 01.3')\n"
            "def third(answer):\n    return Verdict(answer == 'x', 'of another')\n"
        )
        key = tmp_path / "key.toml"
        key.write_text('checks = "hidden.py"\n[points]\n"01.3" = 5\n"98.1" = 2\n[of]\n"98.1" = "01.3"\n')
        (one,) = teaching.grade(tmp_path, key)
        assert one.points == {"01.3": 5.0, "98.1": 2.0}

    def test_checks_that_cannot_be_used_are_named_before_a_class_is_graded(self, tmp_path: Path) -> None:
        self.answer(tmp_path, "ada", "x")
        (tmp_path / "hidden.py").write_text("import nowhere_to_be_found\n")
        key = tmp_path / "key.toml"
        key.write_text('checks = "hidden.py"\n[points]\n"01.3" = 5\n')
        with pytest.raises(ConfigurationError, match="nowhere_to_be_found"):
            teaching.grade(tmp_path, key)
        key.write_text('[points]\n"97.1" = 5\n')
        with pytest.raises(ConfigurationError, match=r"points for 97\.1, for which there is no check"):
            teaching.grade(tmp_path, key)

    def test_a_key_that_is_none_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="no folder"):
            teaching.grade(tmp_path / "missing")
        key = tmp_path / "key.toml"
        for text, error in (("points = [", ValidationError), ('[points]\n"01.1" = "x"', ValidationError)):
            key.write_text(text)
            with pytest.raises(error):
                teaching.grade(tmp_path, key)
        key.write_text('checks = "nowhere.py"\n[points]\n"01.1" = 1\n')
        with pytest.raises(ConfigurationError, match="nowhere"):
            teaching.grade(tmp_path, key)


@pytest.mark.parametrize("name", [None, ["03.1"], {}])
def test_what_is_no_name_costs_a_sentence(name: Any) -> None:
    with pytest.raises(ValidationError, match="an exercise has a name"):
        teaching.check(name, None)
    with pytest.raises(ValidationError, match="a prediction has a name"):
        teaching.reveal(name, 4)


@pytest.mark.parametrize("name", ["3.1", 3.1, "03.1 "], ids=["text", "number", "space"])
def test_a_name_that_lacks_its_zero_is_told_the_whole_one(name: Any) -> None:
    with pytest.raises(ValidationError, match=r"did you mean '?03\.1"):
        teaching.check(name, None)
