"""``p2plab exec``, ``run``, ``demo`` and ``commands``: the table, from a shell."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from p2plab.api.blocking.lab import Lab
from p2plab.cli.output import fail, say, say_json
from p2plab.commands import TABLE, as_text, checked, failure, find, perform
from p2plab.commands.line import parse_words
from p2plab.commands.scripts.scenario import Scenario
from p2plab.commands.scripts.steps import header_of
from p2plab.errors import LabError, ValidationError

DEMO_ROWS = 6  # of a table in the demonstration
DEMO = Path(__file__).with_name("demo.p2p")


def settings_of(backend: str | None, seed: int | None, settings: Sequence[str]) -> dict[str, Any]:
    """What the options say of the lab."""
    for setting in settings:
        if "=" not in setting:
            raise ValidationError(f"--set {setting}: write NAME=VALUE, such as latency=0.05")
    found = header_of(settings, "--set")
    return {**found, **({"backend": backend} if backend else {}), **({"seed": seed} if seed is not None else {})}


def make_lab(settings: Mapping[str, Any]) -> Lab:
    """The lab that a script or the options ask for."""
    wanted = dict(settings)
    return Lab(wanted.pop("backend", "mock"), **wanted)


def execute(words: Sequence[str], settings: Mapping[str, Any], as_json: bool) -> int:
    """Execute one command in a fresh lab, in which the nodes it names run."""
    if words and words[0] == "--":
        words = words[1:]
    if not words:
        return fail("exec needs a command, such as: p2plab exec connect alice bob; 'p2plab commands' lists them", 2)
    try:
        command = find(words[0])
        arguments = parse_words(command, words[1:])
    except ValidationError as error:
        if as_json:
            say_json(failure(words[0], error))
        return 2 if as_json else fail(str(error), 2)
    with make_lab(settings) as lab:
        try:
            values = checked(command, {name: value for name, value in arguments.items() if name != "node"}, lab.world)
        except LabError:
            values = {}  # the command says what is wrong with them
        for name in dict.fromkeys(_nodes_named(words[0], arguments, values)):
            lab.start_node(name)
        answer = perform(lab, words[0], arguments)
    if as_json:
        say_json(answer.envelope)
    elif answer.success:
        say(as_text(answer.result))
    else:
        fail(answer.error)
    return 0 if answer.success else 1


def _nodes_named(name: str, arguments: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[str]:
    """The names of nodes among a command's arguments; what looks like a peer id or a multiaddr is none."""
    if name.endswith(("start_node", "start_nodes")):
        return
    if "node" in arguments and "node" not in values:
        yield str(arguments["node"])
    for parameter in find(name).parameters:
        value = values.get(parameter.name)
        if parameter.about.kind in ("node", "nodes", "groups", "peer") and value is not None:
            for named in _flat(value):
                if not named.startswith("/") and len(named) < 32:
                    yield named


def _flat(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _flat(item)
    else:
        yield str(value)


def run(script: str, settings: Mapping[str, Any], as_json: bool) -> int:
    """Run a script; 0 where every command and every expectation passed, else 1."""
    scenario = Scenario.parse(sys.stdin.read(), "standard input") if script == "-" else Scenario.load(script)
    if not scenario.steps:
        raise ValidationError(f"{script} has no command and no expectation in it, so nothing can pass or fail")
    with make_lab({**scenario.lab, **settings}) as lab:
        report = scenario.run(lab)
    if as_json:
        say_json(report.to_dict())
    else:
        say(str(report))
    return report.exit_code


def demo(settings: Mapping[str, Any], as_json: bool) -> int:
    """Run the demonstration, step by step."""
    scenario = Scenario.load(DEMO)
    with make_lab({**scenario.lab, **settings}) as lab:
        report = scenario.run(lab)
    if as_json:
        say_json(report.to_dict())
        return report.exit_code
    say(DEMO.read_text(encoding="utf-8").partition("\n")[0].lstrip("# "))
    for step in report.steps:
        say(f"\n{step.time:8.3f} s  {step.text}")
        if step.python:
            say(f"            in Python: {step.python}")
        text = (
            step.reason if step.expectation or step.status != "PASSED" else as_text(step.envelope["result"], DEMO_ROWS)
        )
        say("\n".join(f"            {line}" for line in f"{step.status}: {text}".splitlines()))
    return report.exit_code


def explain(name: str, as_json: bool) -> int:
    """List the commands, or explain one."""
    with Lab() as lab:
        answer = perform(lab, "help", {"name": name}) if name else perform(lab, "commands", {})
    if not answer.success:
        return fail(answer.envelope["error"], 2)
    if as_json:
        say_json(answer.result)
    elif name:
        say(as_text(answer.result))
    else:
        width = max(map(len, TABLE))
        say("\n".join(f"{row['name']:<{width}}  {row['summary']}" for row in answer.result["commands"]))
    return 0
