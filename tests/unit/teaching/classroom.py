"""A class's answers as files: right ones, ten wrong ways, five hostile ones. What a grade must say of each is known."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from p2plab import Lab, teaching
from p2plab.identity.cid import cid_of

KEY: Final = """checks = "hidden.py"
[points]
"01.3" = 1
"03.1" = 3
"03.9" = 2
[of]
"03.9" = "03.1"
"""
# The checks that no student sees.
HIDDEN: Final = """
from p2plab.teaching import Verdict, exercise


@exercise("03.9", "the lab of 03.1: the message was published by n0")
def by_n0(answer):
    sent = answer.events.filter(kind="pubsub.publish")[-1]
    return Verdict(sent.node == "n0", f"published by {sent.node}")
"""
FULL: Final = 6.0


@dataclass(frozen=True)
class Expected:
    """What the grade of a file must be: all its points, or words that its reasons must have."""

    points: float
    says: str = ""
    same_as: tuple[str, ...] = ()


def network(student: str, *, shape: str = "line", subscribed: bool = True, sender: str = "n0", wait: float = 3) -> Lab:
    """The lab of a student, made of their variant."""
    mine = teaching.variant(student)
    lab = Lab(seed=mine.seed, latency=mine.latency)
    nodes = lab.start_nodes(mine.nodes)
    lab.wire(shape)
    for node in nodes if subscribed else nodes[:-1]:
        node.subscribe("news")
    lab.run(2)
    lab[sender].publish("news", f"hello from {student}")
    lab.run(wait)
    return lab


def handed_in(folder: Path, name: str, lab: Any, cid: Any = None) -> Path:
    """The file of a student who gives this lab and this CID."""
    teaching.forget()
    teaching.check("01.3", cid_of(b"hello, network!") if cid is None else cid)
    teaching.check("03.1", lab)
    return teaching.submit(folder / f"{name}.p2plab", student=name)


def changed(path: Path, change: Callable[[str, bytes], bytes | None], more: dict[str, bytes] | None = None) -> None:
    """Rewrite a zip: each part as ``change(name, data)`` gives it (None: left out), and some more."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: change(name, archive.read(name)) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**parts, **(more or {})}.items():
            if data is not None:
                archive.writestr(name, data)


def in_the_run(change: Callable[[str, bytes], bytes | None]) -> Callable[[str, bytes], bytes | None]:
    """A change of the saved runs inside a submission."""

    def of_the_submission(name: str, data: bytes) -> bytes | None:
        if not name.endswith(".p2plab"):
            return data
        inner = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as run, zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as out:
            for part in run.namelist():
                new = change(part, run.read(part))
                if new is not None:
                    out.writestr(part, new)
        return inner.getvalue()

    return of_the_submission


def history(edit: Callable[[dict[str, Any]], None]) -> Callable[[str, bytes], bytes | None]:
    """A change of the commands of the runs."""

    def of_a_part(name: str, data: bytes) -> bytes | None:
        if name != "history.json":
            return data
        commands = json.loads(data)
        edit(commands)
        return json.dumps(commands).encode()

    return in_the_run(of_a_part)


def claims_to_have_passed(folder: Path, name: str) -> Expected:
    path = handed_in(folder, name, network(name, shape="ring"))

    def claim(part: str, data: bytes) -> bytes:
        if part != "submission.json":
            return data
        index = json.loads(data)
        for answer in index["answers"].values():
            answer.update(passed=True, says="all right")
        return json.dumps(index).encode()

    changed(path, claim)
    return Expected(3.0, "duplicates")


def another_log(folder: Path, name: str) -> Expected:
    """The commands are of a ring, the log is of a line: the run is played again, so the log does not help."""
    good, bad = handed_in(folder, "x", network(name)), handed_in(folder, name, network(name, shape="ring"))
    with zipfile.ZipFile(good) as archive, zipfile.ZipFile(io.BytesIO(archive.read("03.1.p2plab"))) as run:
        log = run.read("log.jsonl.gz")
    good.unlink()
    changed(bad, in_the_run(lambda part, data: log if part == "log.jsonl.gz" else data))
    return Expected(3.0, "duplicates")


def with_a_function(folder: Path, name: str) -> Expected:
    lab = network(name)
    lab["n1"].add_validator("news", lambda message: True)
    handed_in(folder, name, lab)
    return Expected(1.0, "p2plab grade --run-code")


def a_copy(folder: Path, name: str) -> Expected:
    handed_in(folder, name, network("right0"))
    return Expected(FULL, same_as=("right0.p2plab",))


WRONG: Final[dict[str, Callable[[Path, str], Expected]]] = {
    "ring": lambda folder, name: _of(handed_in(folder, name, network(name, shape="ring")), 3.0, "duplicates"),
    "deaf": lambda folder, name: _of(handed_in(folder, name, network(name, subscribed=False)), 3.0, "do not subscribe"),
    "too early": lambda folder, name: _of(handed_in(folder, name, network(name, wait=0)), 3.0, "reach"),
    "sender": lambda folder, name: _of(handed_in(folder, name, network(name, sender="n3")), 4.0, "published by n3"),
    "no lab": lambda folder, name: _of(handed_in(folder, name, "it works on my machine"), 1.0, "the answer is a lab"),
    "wrong cid": lambda folder, name: _of(handed_in(folder, name, network(name), cid="bafkrei"), 5.0, ""),
    "claims": claims_to_have_passed,
    "another log": another_log,
    "function": with_a_function,
    "copy": a_copy,
}


def not_a_zip(folder: Path, name: str) -> Expected:
    (folder / f"{name}.p2plab").write_bytes(b"PK\x03\x04" + bytes(range(256)) * 50)
    return Expected(0.0, "no submission")


def a_bomb(folder: Path, name: str) -> Expected:
    """A part of a run that unpacks to more than it may."""
    path = handed_in(folder, name, network(name))
    changed(path, in_the_run(lambda part, data: bytes(257 << 20) if part == "history.json" else data))
    return Expected(1.0, "over")


def endless(folder: Path, name: str) -> Expected:
    """A run that lets ten years pass, in a network in which somebody publishes every second."""
    lab = network(name)
    lab.every(1, lab["n0"].publish, "news", b"again")
    path = handed_in(folder, name, lab)

    def forever(commands: dict[str, Any]) -> None:
        commands["tick"] = commands["step"] = 3 * 10**12

    changed(path, history(forever))
    return Expected(0.0, "")


def runs_a_program(folder: Path, name: str) -> Expected:
    """A command that calls what is no verb."""
    path = handed_in(folder, name, network(name))
    marker = folder / "harmed"

    def attack(commands: dict[str, Any]) -> None:
        for command in commands["commands"]:
            if command["verb"] == "subscribe":
                command["call"] = {
                    "on": {"$world": True},
                    "verb": "__init__",
                    "with": [{"$function": "os:system"}, f"touch {marker}"],
                    "by_name": {},
                }

    changed(path, history(attack))
    return Expected(1.0, "")


def paths_outside(folder: Path, name: str) -> Expected:
    """Names of parts that lead out of the folder, a student with a formula for a name, and JSON without an end."""
    path = handed_in(folder, name, network(name))

    def renamed(part: str, data: bytes) -> bytes:
        if part != "submission.json":
            return data
        index = json.loads(data)
        index["student"] = "=cmd|' /C calc'!A0"
        index["answers"]["01.3"]["value"] = "[" * 100_000
        index["answers"]["../../../etc/passwd"] = {"run": "../../../etc/passwd"}
        return json.dumps(index).encode()

    changed(path, renamed, {"../../harmed": b"x", "/harmed": b"x"})
    return Expected(5.0, "")


HOSTILE: Final[dict[str, Callable[[Path, str], Expected]]] = {
    "not a zip": not_a_zip,
    "bomb": a_bomb,
    "endless": endless,
    "program": runs_a_program,
    "paths": paths_outside,
}


def _of(_path: Path, points: float, says: str) -> Expected:
    return Expected(points, says)


def make_class(folder: Path, size: int) -> dict[str, Expected]:
    """Files of a class: five hostile ones, half of all right, the others wrong in ten ways; what to expect, by file."""
    expected: dict[str, Expected] = {}
    ways = list(WRONG.items())
    right = min(size // 2, size - len(ways) - len(HOSTILE))  # in a small class, all ways first
    for number in range(right):
        name = f"right{number}"
        handed_in(folder, name, network(name))
        expected[f"{name}.p2plab"] = Expected(FULL, same_as=("copy0.p2plab",) if number == 0 else ())
    for number in range(size - right - len(HOSTILE)):
        (way, make), turn = ways[number % len(ways)], number // len(ways)
        if way == "copy" and turn:
            way, make = ways[turn % (len(ways) - 1)]  # one copy is enough: more would all name each other
            turn += 10
        name = f"{way}{turn}".replace(" ", "-")
        expected[f"{name}.p2plab"] = make(folder, name)
    for way, make in HOSTILE.items():
        name = way.replace(" ", "-")
        expected[f"{name}.p2plab"] = make(folder, name)
    teaching.forget()
    return expected
