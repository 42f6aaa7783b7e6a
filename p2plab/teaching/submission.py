"""A learner's answers as one file of data: ``teaching.submit("ada.p2plab")``.

It is a zip: ``submission.json`` with the predictions and the answers that are plain, and for each answer that is a lab
its saved run (``lab.save``). Nothing in it runs by being read.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Final

from p2plab.errors import SnapshotError, ValidationError
from p2plab.errors.checked import path_of
from p2plab.errors.frames import faced
from p2plab.events.files.whole_file import replacing, written
from p2plab.teaching.session import answers, predictions

__all__ = ["FORMAT", "Submission", "submit"]

FORMAT: Final = 1
INDEX: Final = "submission.json"
MAX_INDEX: Final = 4 << 20  # bytes, unpacked
MAX_RUN: Final = 128 << 20
MAX_ANSWERS: Final = 200


@faced
def submit(path: str | os.PathLike[str], student: str = "") -> Path:
    """Write the answers that were checked so far to a file.

    Args:
        path: the file, such as ``"ada.p2plab"``
        student: who it is from; any text

    Returns:
        The path.

    Raises:
        ValidationError: no exercise was checked yet.
        ConfigurationError: the file cannot be written.
    """
    if not answers:
        raise ValidationError("there is no answer to submit yet: teaching.check('01.1', ...) notes one")
    path = path_of(path, "the path of a submission")
    index: dict[str, Any] = {
        "p2plab submission": FORMAT,
        "student": str(student)[:200],
        "predictions": {name: _plain(value) for name, value in predictions.items()},
        "answers": {},
    }
    with (
        written(path, f"the answers cannot be written to {path}"),
        tempfile.TemporaryDirectory() as folder,
        replacing(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, answer in answers.items():
            entry: dict[str, Any] = {"passed": answer.verdict.passed, "says": answer.verdict.says}
            if hasattr(answer.value, "save") and hasattr(answer.value, "history"):
                entry["run"] = f"{name}.p2plab"
                archive.write(answer.value.save(Path(folder) / entry["run"]), entry["run"], zipfile.ZIP_STORED)
            else:
                entry["value"] = _plain(answer.value)
            index["answers"][name] = entry
        archive.writestr(INDEX, json.dumps(index))
    return path


def _plain(value: Any) -> Any:
    """An answer as JSON has it; what is none is written as its text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in (sorted(value, key=str) if isinstance(value, (set, frozenset)) else value)]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": bytes(value).hex()}
    return str(value)


class Submission:
    """A file that ``submit`` wrote, read and bounded. SnapshotError where it is none."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path_of(path, "the path of a submission")
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(INDEX) as part:
                data = part.read(MAX_INDEX + 1)
            index = json.loads(data) if len(data) <= MAX_INDEX else None
        except (OSError, KeyError, ValueError, RecursionError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
            raise SnapshotError(f"{self.path.name} is no submission, or a damaged one: {error}") from error
        if not isinstance(index, dict) or index.get("p2plab submission") != FORMAT:
            raise SnapshotError(f"{self.path.name} is no submission of format {FORMAT}")
        found = index.get("answers")
        if not isinstance(found, dict) or len(found) > MAX_ANSWERS:
            raise SnapshotError(f"{self.path.name} has no answers, or over {MAX_ANSWERS}")
        self.student = str(index.get("student", ""))[:200]
        self.answers: dict[str, dict[str, Any]] = {
            str(name): entry for name, entry in found.items() if isinstance(entry, dict)
        }

    def run_of(self, name: str, folder: Path) -> Path | None:
        """The saved run of an answer, written into a folder; None where the answer is no lab. Raises SnapshotError."""
        if "run" not in self.answers[name]:
            return None
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(f"{name}.p2plab") as part:
                data = part.read(MAX_RUN + 1)
        except (OSError, KeyError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
            raise SnapshotError(f"the run of {name} cannot be read: {error}") from error
        if len(data) > MAX_RUN:
            raise SnapshotError(f"the run of {name} has over {MAX_RUN} bytes")
        target = folder / "answer.p2plab"
        target.write_bytes(data)
        return target
