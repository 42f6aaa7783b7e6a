"""How a script says what users say in other words than the lab's verbs: ``lab.network.set_link`` for ``_set_link``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from p2plab.constants import TICKS_PER_SECOND

__all__ = ["SPECIAL", "Call", "Code"]


class Code:
    """An object of the lab, as the script names it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


class Call:
    """A command, unpacked: on what, which verb, with what."""

    def __init__(self, owner: Code, verb: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.owner = owner
        self.verb = verb
        self.args = args
        self.kwargs = kwargs


class Script(Protocol):
    """What they need of the script."""

    imports: dict[str, None]

    def code(self, value: Any) -> str: ...

    def arguments(self, call: Call) -> str: ...

    def keywords(self, values: dict[str, Any]) -> list[str]: ...


def _start_nodes(script: Script, call: Call) -> list[str]:
    names, settings = call.args
    keywords = script.keywords(settings)
    prefix = names[-1].rstrip("0123456789")
    if len(names) > 1 and names[-1] != prefix:
        last = int(names[-1][len(prefix) :])
        if names == [f"{prefix}{number}" for number in range(last - len(names) + 1, last + 1)]:
            more = [] if prefix == "n" else [repr(prefix)]
            return [f"lab.start_nodes({', '.join([str(last + 1), *more, *keywords])})"]
    if len(names) > 1:
        return [f"lab.world.run(lab.world.start_nodes, {script.code(names)}, {script.code(settings)})"]
    return [f"lab.start_node({', '.join([repr(names[0]), *keywords])})"]


def _wire(script: Script, call: Call) -> list[str]:
    return [f"lab.wire({script.code(list(call.args[0]))})"]


def _schedule(script: Script, call: Call) -> list[str]:
    first, period, action, args, kwargs = call.args
    given = [script.code(action), *map(script.code, args), *script.keywords(kwargs)]
    if period is None:
        return [f"lab.at({', '.join([repr(first), *given])})"]
    return [f"lab.every({', '.join([repr(period), *given, f'start={first!r}'])})"]


def _set_link(script: Script, call: Call) -> list[str]:
    between, one_way, settings = call.args
    where = {"between": between, "one_way": one_way or None}
    return [f"lab.network.set_link({', '.join(script.keywords({**where, **settings}))})"]


def _set_routers(script: Script, call: Call) -> list[str]:
    routers, order, timeout = call.args
    said = [*map(script.code, routers), *script.keywords({"order": order, "timeout": timeout})]
    return [f"{call.owner}.use({', '.join(said)})"]


def _take_role(script: Script, call: Call) -> list[str]:
    (role,) = call.args
    return [f"{call.owner}.set_role({script.code(role)})"]


def _partition(script: Script, call: Call) -> list[str]:
    groups, one_way = call.args
    way = ["one_way=True"] if one_way else []
    return [f"lab.network.partition({', '.join([*map(script.code, groups), *way])})"]


def _rule(script: Script, call: Call) -> list[str]:
    action, which, pair, ticks = call.args
    given = [repr(ticks / TICKS_PER_SECOND)] if action == "delay" else []
    given += [script.code(which), *script.keywords({"between": pair})]
    return [f"lab.network.{action}({', '.join(given)})"]


def _add_nat(script: Script, call: Call) -> list[str]:
    nodes, (mapping, filtering), inside, options = call.args
    kind = ["'firewall'"] if mapping is None else [f"mapping={mapping!r}"]
    options = {name: value / TICKS_PER_SECOND if name.endswith("timeout") else value for name, value in options.items()}
    said = [*kind, f"filtering={filtering!r}", *([] if inside is None else [f"inside={inside!r}"])]
    said += [f"{name}={value!r}" for name, value in options.items()]
    return [f"lab.network.add_nat({nodes!r}, {', '.join(said)})"]


def _remove_nat(script: Script, call: Call) -> list[str]:
    name, nodes = call.args
    return [f"lab.world.call(lab.network._remove_nat, {name!r}, {nodes!r})"]


def _churn(script: Script, call: Call) -> list[str]:
    nodes, plan, faults = call.args
    if isinstance(plan, list):  # a trace: its file may be gone
        script.imports["from p2plab.network import Change"] = None
        return [f"lab.world.call(lab.network._churn, {nodes!r}, {plan!r}, {faults!r})"]
    given = {"nodes": nodes, "up": plan.up, "down": plan.down, "shape": plan.shape, **faults}
    return [f"lab.network.churn({', '.join([repr(plan.model), *script.keywords(given)])})"]


def _public(script: Script, call: Call) -> list[str]:
    return [f"{call.owner}.{call.verb.lstrip('_')}({script.arguments(call)})"]


def _of_blocks(script: Script, call: Call) -> list[str]:
    return [f"{call.owner}.blocks.{call.verb}({script.arguments(call)})"]


def _delete_blocks(script: Script, call: Call) -> list[str]:
    return [f"{call.owner}.blocks.delete({', '.join(map(script.code, call.args[0]))})"]


def _open_content(script: Script, call: Call) -> list[str]:
    return [f"{call.owner}.open({script.arguments(call)})"]


def _level(script: Script, call: Call) -> list[str]:
    return [f"lab.events.level = {call.args[0]!r}"]


def _change_admission(script: Script, call: Call) -> list[str]:
    what, value = call.args
    return [f"{call.owner}.{what} = {script.code(value)}"]


def _set_params(script: Script, call: Call) -> list[str]:
    return [f"{call.owner}.params = {script.code(call.args[0])}"]


SPECIAL: dict[tuple[str, str], Callable[[Script, Call], list[str]]] = {
    ("lab.world", "start_nodes"): _start_nodes,
    ("lab.world", "wire"): _wire,
    ("lab.world", "schedule"): _schedule,
    ("lab.network", "_set_link"): _set_link,
    ("lab.network", "_partition"): _partition,
    ("lab.network", "_rule"): _rule,
    ("lab.network", "_churn"): _churn,
    ("lab.network", "_add_nat"): _add_nat,
    ("lab.network", "_remove_nat"): _remove_nat,
    **{("lab.network", verb): _public for verb in ("_set_node", "_heal", "_hold", "_release", "_clear", "_preset")},
    ("lab.events", "_set_level"): _level,
    ("node", "take_role"): _take_role,
    ("routing", "set_routers"): _set_routers,
    ("node", "change"): _change_admission,
    **{("content", verb): _of_blocks for verb in ("put", "pin", "unpin", "collect")},
    ("content", "delete"): _delete_blocks,
    ("content", "stat"): _open_content,
    ("node", "set_params"): _set_params,
}
