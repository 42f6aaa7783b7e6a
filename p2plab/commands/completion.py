"""What a partly written line could go on as: commands, names of arguments, and what the lab knows.

Nodes, peer ids, topics, keys, CIDs and protocols come from the nodes and from the newest events; never more than a few
hundred, so that a lab of thousands answers while somebody types.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from p2plab.commands.arguments import About
from p2plab.commands.table import TABLE, CommandSpec, Parameter, plain_form
from p2plab.events.kinds import KINDS

if TYPE_CHECKING:
    from p2plab.api.faces.lab import LabFace

__all__ = ["complete", "known", "last_word"]

MOST: Final = 300
_NODE: Final = About("a node's name", "node")
NEWEST: Final = 2_000  # events looked through for keys and CIDs


def complete(line: str, lab: LabFace[Any] | None) -> list[str]:
    """What the last word of the line could become, sorted as people look for it; nothing for a line that ends in what
    nobody can complete."""
    before, word = _split(line)
    if not before:
        return _starting(word, sorted(TABLE))
    command = TABLE.get(plain_form(before[0]))
    if command is None:
        return []
    name, sign, value = word.partition("=")
    parameters = {parameter.name: parameter for parameter in command.parameters}
    if sign:
        if name == "node" and command.scope == "node":
            return [f"node={one}" for one in _starting(value, known("node", lab))]
        return [f"{name}={one}" for one in _listed(value, parameters.get(name), lab)]
    given = {part.partition("=")[0] for part in before[1:] if "=" in part}
    found = [option for parameter in _next(command, before[1:]) for option in _listed(word, parameter, lab)]
    named = [f"{parameter.name}=" for parameter in command.parameters if parameter.name not in given]
    return list(dict.fromkeys([*found, *_starting(word, named)]))


def last_word(line: str) -> str:
    """The word that is being written at the end of a line."""
    return _split(line)[1]


def _split(line: str) -> tuple[list[str], str]:
    """The words before the last one, and the last one, which may be empty or in a quotation not closed yet."""
    for closing in ("", '"', "'"):
        try:
            words = shlex.split(line + closing, comments=False)
        except ValueError:
            continue
        if not closing and (not line or line[-1].isspace()):
            return words, ""
        return words[:-1], words[-1] if words else ""
    return [], ""


def _next(command: CommandSpec, values: list[str]) -> Iterator[Parameter]:
    """The arguments that the next value without a name may be for."""
    count = sum("=" not in value for value in values)
    required = [parameter for parameter in command.parameters if parameter.required]
    if command.scope == "node":
        if count == 0:
            yield Parameter("node", str, _NODE, None)
        yield from required[max(0, count - 1) : count + 1]
    else:
        yield from (required or list(command.parameters[:1]))[count : count + 1]


def _listed(word: str, parameter: Parameter | None, lab: LabFace[Any] | None) -> list[str]:
    """The values of an argument that begin like the word; of a list, of its last item."""
    if parameter is None:
        return []
    options = parameter.choices or (("true", "false") if parameter.is_flag else known(parameter.about.kind, lab))
    if parameter.about.kind in ("nodes", "groups"):
        at = max(word.rfind(","), word.rfind("|")) + 1
        return [word[:at] + option for option in _starting(word[at:], options)]
    return _starting(word, options)


def _starting(word: str, options: Iterable[str]) -> list[str]:
    return [option for option in options if option.startswith(word)]


def known(kind: str, lab: LabFace[Any] | None) -> list[str]:
    """What the lab knows of a kind of thing: ``node``, ``peer``, ``topic``, ``key``, ``cid`` and others."""
    if kind == "command":
        return sorted(TABLE)
    if kind == "kind":
        return sorted({*KINDS, *(name.partition(".")[0] for name in KINDS)})
    if lab is None or lab.closed:
        return []
    nodes = lab.nodes[:MOST]
    if kind in ("node", "nodes", "groups"):
        return [node.name for node in nodes]
    if kind == "peer":
        return [*(node.name for node in nodes), *lab.attached, *(str(node.peer_id) for node in nodes[:20])]
    if kind == "attached":
        return list(lab.attached)
    if kind == "peer id":
        return [str(node.peer_id) for node in nodes]
    if kind == "address":
        return [address for node in nodes for address in node.addresses]
    if kind == "protocol":
        return sorted({protocol for node in nodes[:20] if node.running for protocol in node.protocols()})
    if kind == "stream":
        return [f"{stream.connection.id}/{stream.id}" for node in nodes for stream in node.streams()][:MOST]
    if kind == "topic":
        return sorted({topic for node in nodes if node.running for topic in node.topics()} | set(_topics(lab)))
    if kind in ("key", "cid"):
        return list(islice(dict.fromkeys(_keys(lab, kind)), MOST))
    return []


def _topics(lab: LabFace[Any]) -> Iterator[str]:
    for event in lab.events.filter(kind="pubsub.publish")[-NEWEST:]:
        if event.topic:
            yield event.topic


def _keys(lab: LabFace[Any], kind: str) -> Iterator[str]:
    """Keys that commands of the DHT were given, newest first."""
    for event in reversed(lab.events.filter(kind="lab.command")[-NEWEST:]):
        data = event.data or {}
        arguments = data.get("arguments") or []
        if not str(data.get("target", "")).startswith("dht") or not arguments or not isinstance(arguments[0], str):
            continue
        if (kind == "key") == (data.get("verb") in ("put", "get", "closest_peers")):
            yield arguments[0]
