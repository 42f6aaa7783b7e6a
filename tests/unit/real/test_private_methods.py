"""The private methods of py-libp2p's that p2plab overrides are there: a release that renames one fails here."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

import p2plab.real
from p2plab import Lab
from p2plab.real.pylibp2p import private_names, remedies

OVERRIDDEN = {
    "p2plab.real.pylibp2p_dht.kad:LabKadDht": ["_add_closer_peers_to_response"],
    "p2plab.real.pylibp2p_dht.kad:LabPeerRouting": ["_query_peer_for_closest"],
    "p2plab.real.pylibp2p_dht.kad:LabProviderStore": ["_get_providers_from_peer_with_closers", "_send_add_provider"],
    "p2plab.real.pylibp2p_dht.kad:LabValueStore": ["_get_from_peer", "_store_at_peer"],
    "p2plab.real.pylibp2p_nat.autonat:LabAutoNat": ["_handle_dial", "_try_dial"],
    "p2plab.real.pylibp2p_nat.relay:LabRelay": [
        "_handle_connect",
        "_handle_reserve",
        "_relay_data",
        "_send_status",
    ],
    "p2plab.real.pylibp2p_pubsub.pubsub:LabPubsub": [
        "_handle_dead_peer",
        "_handle_new_peer",
        "_validation_cache_cleanup",
    ],
    "p2plab.real.pylibp2p_pubsub.routers:LabGossipSub": [
        "_emit_control_msgs",
        "_emit_idontwant_for_message",
        "_get_in_topic_gossipsub_peers_from_minus",
        "_handle_dropped_rpc",
        "_maintain_mesh_quality",
        "_perform_opportunistic_grafting",
    ],
    "p2plab.real.taps.router:TappedGossipSub": [
        "_check_ihave_rate_limit",
        "_check_iwant_rate_limit",
        "_do_px",
        "_emit_idontwant_for_message",
        "_get_peers_to_send",
    ],
    "p2plab.real.pylibp2p.swarm:LabHost": ["_schedule_identify", "_swarm_stream_handler"],
    "p2plab.real.pylibp2p.swarm:LabSwarm": [
        "_best_connection",
        "_do_handle_inbound_connection",
        "_handle_inbound_connection",
        "_init_connection_management",
    ],
    "p2plab.real.transports.mplex:LabMplex": ["_handle_reset", "_initialize_stream"],
    "p2plab.real.pylibp2p.windows:_KeptStream": ["_effective_rtt"],
}


def class_of(where: str) -> type:
    module, _, name = where.partition(":")
    found: type = getattr(importlib.import_module(module), name)
    return found


def libraries_of(found: type) -> list[type]:
    return [base for base in found.__mro__[1:] if base.__module__.partition(".")[0] == "libp2p"]


@pytest.mark.parametrize(("where", "name"), [(where, name) for where, names in OVERRIDDEN.items() for name in names])
def test_what_is_overridden_is_there(where: str, name: str) -> None:
    found = class_of(where)
    bases = libraries_of(found)
    assert name in vars(found), f"{where} no longer overrides {name}: take it off this list"
    assert any(name in vars(base) for base in bases), (
        f"libp2p {version('libp2p')} has no {bases[0].__name__}.{name} any more, which {where} overrides: "
        "look what became of it, and of the remedy it is for"
    )


def test_the_list_is_complete() -> None:
    found: dict[str, list[str]] = {}
    for module in pkgutil.walk_packages(p2plab.real.__path__, "p2plab.real."):
        for name, kind in vars(importlib.import_module(module.name)).items():
            if not inspect.isclass(kind) or kind.__module__ != module.name:
                continue
            bases = libraries_of(kind)
            private = sorted(
                own
                for own, value in vars(kind).items()
                if own.startswith("_") and not own.startswith("__") and callable(value)
                if any(own in vars(base) for base in bases)
            )
            if private:
                found[f"{module.name}:{name}"] = private
    assert found == {where: sorted(names) for where, names in OVERRIDDEN.items()}


# Beside p2plab's own: of trio's, asyncio's or Python's, and what p2plab keeps on the library's objects.
NOT_OF_THE_LIBRARY = {"_established", "_nominated", "_abc_impl", "_news", "_now"}


def modules() -> Iterator[ast.Module]:
    for file in sorted(Path(p2plab.real.__path__[0]).rglob("*.py")):
        if file.name != "plain.py":  # a program of its own, on public names
            yield ast.parse(file.read_text(encoding="utf-8"))


class TestTheList:
    def test_everything_on_it_is_there(self) -> None:
        assert private_names.missing() == []

    def test_every_private_name_that_is_used_or_overridden_is_on_it(self) -> None:
        own: set[str] = set()
        used: set[str] = {name for names in OVERRIDDEN.values() for name in names}
        for module in modules():
            for node in ast.walk(module):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    own.add(node.name)
                elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    own.add(node.target.id)
                elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                    if isinstance(node.value, ast.Name) and node.value.id == "self":
                        own.add(node.attr)
        for module in modules():
            for node in ast.walk(module):
                if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
                    used |= {node.attr} - own
        listed = {name for names in private_names.PRIVATE.values() for name in names}
        assert used - listed - NOT_OF_THE_LIBRARY == set()

    def test_the_remedies_it_names_are_remedies(self) -> None:
        named = {remedy for names in private_names.PRIVATE.values() for remedy in names.values() if remedy}
        assert named <= remedies.REMEDIES.keys()


def test_a_remedy_that_no_longer_fits_is_off_with_one_warning_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {"libp2p/network/swarm.py": {"_renamed": "inbound slots", "_gone_too": "kept windows"}}
    lost = private_names.missing(gone)
    monkeypatch.setattr(remedies, "_UNFIT", {})
    monkeypatch.setattr(private_names, "missing", lambda: lost)
    private_names.check_private_names.cache_clear()
    with pytest.warns(UserWarning, match="has no _renamed of libp2p/network/swarm.py") as told:
        lab = Lab("real", seed=7)
    with lab:
        assert len(told) == 1
        assert "'inbound slots', 'kept windows'" in str(told[0].message)
        on = remedies.Remedies()
        assert [on.on(name) for name in ("inbound slots", "kept windows", "heartbeat")] == [False, False, True]
        assert lab.start_node("alice").ping(lab.start_node("bob")) > 0
