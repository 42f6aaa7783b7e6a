"""What the command line takes, and who does it. Exit codes: 0 all is well, 1 something failed, 2 not understood."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

import p2plab
from p2plab.cli.output import fail
from p2plab.errors import LabError

USAGE: Final = 2
_SWITCHES: Final = ("--json",)
_VALUED: Final = ("--backend", "--seed", "--set")
_HELP: Final = ("-h", "--help")

_EPILOG: Final = """examples:
  p2plab exec connect alice bob             one command in a fresh lab; the nodes it names are started first
  p2plab exec publish alice news hi --json  the answer as JSON
  p2plab run script.p2p                     a script; 1 where a command or an expectation failed
  p2plab run --backend real scenario.yaml   the same in a real lab
"""


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    top = argparse.ArgumentParser(
        prog="p2plab",
        description="An interactive laboratory for libp2p.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"p2plab {p2plab.__version__}")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)

    lab = _verb(verbs, "lab", "open the laboratory in JupyterLab")
    lab.add_argument("notebook", nargs="?", default="", help="a notebook or a folder; left out: this folder")
    lab.add_argument("--port", type=int, default=None, help="the server's port; left out: a free one")
    lab.add_argument("--no-browser", action="store_true", help="print the address instead of opening it")

    lessons = _verb(verbs, "lessons", "copy the course's notebooks into a folder")
    lessons.add_argument("folder", nargs="?", default="", metavar="FOLDER", help="made if it is missing")

    demo = _verb(verbs, "demo", "run a short scenario and show what happens")
    _lab_options(demo)

    run = _verb(verbs, "run", "run a script of commands and expectations")
    run.add_argument("script", help="a .p2p script, a .yaml scenario, or - for a script on the standard input")
    _lab_options(run)

    graded = _verb(verbs, "grade", "grade the answers of a class, each in a process of its own")
    graded.add_argument("folder", help="where the .p2plab files are that teaching.submit wrote")
    graded.add_argument("--key", default=None, metavar="FILE", help="points and hidden checks, as TOML")
    graded.add_argument("--csv", default=None, metavar="FILE", help="write the marks there too")
    graded.add_argument("--run-code", action="store_true", help="let the students' own functions run")
    graded.add_argument(
        "--seconds", type=float, default=60.0, help="of processor time for one file (60); four times that on the clock"
    )
    graded.add_argument("--megabytes", type=int, default=2048, help="for one file at most (2048)")

    opened = _verb(verbs, "open", "say what a saved run, or a log, is and what happened in it")
    opened.add_argument("file", help="a .p2plab file (lab.save) or a log (events.save)")
    opened.add_argument(
        "--until", type=_moment, default=None, metavar="SECONDS", help="play it up to here only; or: failure"
    )
    opened.add_argument("--run-code", action="store_true", help="let functions in it run: if you trust who made it")
    opened.add_argument(
        "--timeout", type=float, default=600.0, metavar="SECONDS", help="that playing it may take (600; 0: no bound)"
    )
    opened.add_argument("--notebook", action="store_true", help="open it in JupyterLab")
    _json_option(opened)

    kept = _verb(verbs, "archive", "put a notebook, its results, the code and the versions into one zip")
    kept.add_argument("notebook", help="the .ipynb file, run, with its outputs")
    kept.add_argument("--output", default=None, metavar="FILE", help="left out: beside it, with the same name")

    one = _verb(verbs, "exec", "execute one command in a fresh lab")
    _lab_options(one)
    one.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="COMMAND …",
        help="as in: connect alice bob; what follows -- is never an option",
    )

    commands = _verb(verbs, "commands", "list the commands, or explain one")
    commands.add_argument("name", nargs="?", default="", help="the command to explain")
    _json_option(commands)

    verify = _verb(verbs, "verify", "check that p2plab works, step by step")
    verify.add_argument("--backend", choices=("mock", "real", "both"), default="both")
    _json_option(verify)

    diagnosed = _verb(verbs, "diagnose", "say why nodes that run somewhere cannot be reached, or do not talk")
    diagnosed.add_argument("addresses", nargs="+", metavar="ADDRESS", help="one multiaddr, or those of two nodes")
    diagnosed.add_argument("--seconds", type=float, default=5.0, help="for a dial or an answer at most (5)")
    _json_option(diagnosed)

    watched = _verb(verbs, "watch", "attach to a node that runs somewhere, and print what it does")
    watched.add_argument("address", metavar="ADDRESS", help="its multiaddr, which ends in /p2p/<peer id>")
    watched.add_argument("--topic", action="append", default=[], help="subscribe to it, to see its messages; several")
    watched.add_argument("--seconds", type=float, default=None, help="for so long; left out: until Ctrl+C")
    _json_option(watched)

    doctor = _verb(verbs, "doctor", "look at the installation, and say what to do")
    _json_option(doctor)
    return top


def _verb(verbs: Any, name: str, what: str) -> Any:
    """One verb's parser; what the list of verbs says of it stands at the head of its own help, too."""
    return verbs.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")


def _lab_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--backend", choices=("mock", "real", "auto"), default=None, help="left out: the script's, or mock"
    )
    verb.add_argument("--seed", type=int, default=None, help="left out: the script's, or 0")
    verb.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the lab, such as latency=0.05"
    )
    _json_option(verb)


def _options_first(words: Sequence[str]) -> list[str]:
    """The words after exec with its options in front, wherever among them they stood; after ``--`` there are none."""
    end = words.index("--") if "--" in words else len(words)
    options: list[str] = []
    command: list[str] = []
    coming = iter(words[:end])
    for word in coming:
        if word in _SWITCHES or (word in _HELP and not command):
            options.append(word)
        elif word.partition("=")[0] in _VALUED:
            options += [word] if "=" in word else [word, *islice(coming, 1)]
        else:
            command.append(word)
    return [*options, *(["--", *command, *words[end + 1 :]] if command or words[end + 1 :] else [])]


def _moment(text: str) -> float | str:
    try:
        return text if text == "failure" else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is no number of seconds, nor the word failure") from None


def _json_option(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--json", action="store_true", help="print JSON")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["exec"]:
        words[1:] = _options_first(words[1:])
    try:
        given = parser().parse_args(words)
    except SystemExit as leaving:  # argparse has said why
        return int(leaving.code or 0)
    try:
        return _do(given)
    except LabError as error:
        return fail(str(error), USAGE)
    except BrokenPipeError:  # whoever read the output has gone
        return 1


def _do(given: argparse.Namespace) -> int:
    if given.verb == "lab":
        from p2plab.cli.laboratory import open_laboratory

        return open_laboratory(given.notebook, given.port, given.no_browser)
    if given.verb == "lessons":
        from p2plab.cli.lessons import copy_lessons

        return copy_lessons(given.folder)
    if given.verb == "grade":
        from p2plab.cli.grading import grade_folder

        return grade_folder(given.folder, given.key, given.csv, given.run_code, given.seconds, given.megabytes)
    if given.verb == "open":
        from p2plab.cli.opening import open_file

        return open_file(given.file, given.until, given.run_code, given.notebook, given.json, given.timeout or None)
    if given.verb == "archive":
        from p2plab.cli.archive import archive

        return archive(given.notebook, given.output)
    if given.verb == "verify":
        from p2plab.cli.verify import verify

        return verify(given.backend, given.json)
    if given.verb == "diagnose":
        from p2plab.cli.diagnosing import diagnose_addresses

        return diagnose_addresses(given.addresses, given.seconds, given.json)
    if given.verb == "watch":
        from p2plab.cli.watching import watch

        return watch(given.address, given.topic, given.seconds, given.json)
    if given.verb == "doctor":
        from p2plab.cli.doctor import doctor

        return doctor(given.json)
    from p2plab.cli import scripts

    if given.verb == "commands":
        return scripts.explain(given.name, given.json)
    settings = scripts.settings_of(given.backend, given.seed, given.set)
    if given.verb == "exec":
        return scripts.execute(given.words, settings, given.json)
    if given.verb == "run":
        return scripts.run(given.script, settings, given.json)
    return scripts.demo(settings, given.json)
