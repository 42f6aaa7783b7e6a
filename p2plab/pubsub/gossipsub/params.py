"""GossipSub's parameters for mesh and gossip; ``scoring/params.py`` has those for scores. Durations are seconds.

Names are the specs' (gossipsub-v1.0.md, v1.1.md, v1.2.md), go-libp2p-pubsub's where the specs name none. Every preset's
value has its source in ``presets.py``; ``source`` tells it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from p2plab.constants import FLOODSUB_ID
from p2plab.errors import ValidationError
from p2plab.errors.checked import list_of, one_of
from p2plab.errors.likely import did_you_mean, known_fields
from p2plab.pubsub.gossipsub.scoring.params import ScoreParams, check_numbers, demand

GOSSIPSUB_VERSIONS = ("/meshsub/1.3.0", "/meshsub/1.2.0", "/meshsub/1.1.0", "/meshsub/1.0.0")
EXTENSIONS = ("testExtension",)  # extensions/experimental/test-extension.md


def _named(peer: object) -> str:
    """The name or the peer id that an explicit peer is given by: text, or a node."""
    name = getattr(peer, "name", peer)
    if not isinstance(name, str) or not name:
        raise ValidationError(f"explicit_peers are nodes, names of nodes or peer ids, not {peer!r}")
    return str(name)


@known_fields
@dataclass(frozen=True, repr=False)
class GossipSubParams:
    """Everything a GossipSub router can be told. ``spec``, ``go`` and others (``presets``) are presets, each
    taking changes by keyword; a plain ``GossipSubParams()`` is ``spec()``. ``source(name)`` says where a value is from.

    Durations are seconds, sizes bytes. Raises ConfigurationError for values that contradict each other,
    ValidationError for values of a wrong type.

    The mesh (gossipsub-v1.0.md "Parameters", v1.1 "Overview of New Parameters"):

    - ``D``: how many peers a mesh should have; ``D_low``: with fewer, a heartbeat grafts up to D; ``D_high``: with
      more, it prunes down to D; ``prune_at_D_high``: with exactly D_high already, as go-libp2p-pubsub does.
    - ``D_score``: how many of the best scored peers such a prune keeps; ``D_out``: how many peers we dialled it keeps.
    - ``prune_backoff``: how long nobody grafts after a PRUNE; ``unsubscribe_backoff``: the same after leaving a topic;
      ``backoff_slack``: heartbeats we wait longer before we graft again ourselves; ``backoff_sweep``: every so many
      heartbeats it is looked which backoffs are over, and until then we do not graft.
    - ``graft_flood_threshold``: a GRAFT this soon after a PRUNE is penalised twice.
    - ``peer_exchange``: whether a PRUNE recommends other peers; ``prune_peers``: how many at most.
    - ``opportunistic_graft_ticks``: heartbeats between two opportunistic grafts; ``opportunistic_graft_peers``: how
      many peers each takes in.
    - ``explicit_peers``: names or peer ids of peering agreements, always sent to and never grafted;
      ``direct_connect_ticks``: heartbeats between two attempts to dial those that are away.

    Messages and gossip:

    - ``heartbeat_interval``: between two heartbeats; ``heartbeat_initial_delay``: how long a node waits, from its first
      peer on, before its first heartbeat may come, which then comes within an interval: so long that the subscriptions
      of far peers are known when the mesh is built.
    - ``flood_publish``: whether own messages go to all peers in the topic, not to the mesh alone.
    - ``fanout_ttl``: how long the fanout of a topic lasts after the last publish.
    - ``mcache_len``: heartbeats that a message is kept to be given away; ``mcache_gossip``: heartbeats that it is
      gossiped about; ``seen_ttl``: how long its id is remembered.
    - ``D_lazy``: how many peers outside the mesh get an IHAVE at least; ``gossip_factor``: which share of them does.
    - ``max_ihave_messages``: IHAVEs read from a peer per heartbeat; ``max_ihave_length``: ids read from one, and asked
      of a peer per heartbeat.
    - ``gossip_retransmission``: how often a peer is given the same message for IWANT; ``iwant_followup_time``: how soon
      a peer has to deliver what it advertised.
    - ``idontwant_message_threshold``: the size from which IDONTWANT is sent (v1.2); ``idontwant_on_publish``: before
      own messages too; ``idontwant_message_ttl``: heartbeats that a peer's IDONTWANT holds; ``idontwant_withdraws``:
      whether it takes back what waits for the peer.
    - ``max_idontwant_length``: ids read from one IDONTWANT; ``max_idontwant_messages``: IDONTWANTs read from a peer per
      heartbeat.

    What is spoken, and scores:

    - ``protocols``: the protocol ids spoken, newest first; ``extensions``: the v1.3 extensions announced.
    - ``score``: how peers are scored (ScoreParams); None switches scoring off.
    - ``preset``: the preset it was made from; plays no part in comparisons.
    """

    D: int = 6
    D_low: int = 4
    D_high: int = 12
    D_score: int = 4
    D_out: int = 2
    D_lazy: int = 6
    prune_at_D_high: bool = False
    heartbeat_interval: float = 1.0
    heartbeat_initial_delay: float = 0.2
    fanout_ttl: float = 60.0
    mcache_len: int = 5
    mcache_gossip: int = 3
    seen_ttl: float = 120.0
    gossip_factor: float = 0.25
    flood_publish: bool = True
    prune_backoff: float = 60.0
    unsubscribe_backoff: float = 10.0
    backoff_slack: float = 1.0
    graft_flood_threshold: float = 10.0
    peer_exchange: bool = False
    prune_peers: int = 16
    opportunistic_graft_ticks: int = 60
    opportunistic_graft_peers: int = 2
    direct_connect_ticks: int = 300
    max_ihave_length: int = 5_000
    max_ihave_messages: int = 10
    gossip_retransmission: int = 3
    iwant_followup_time: float = 3.0
    idontwant_message_threshold: int = 1_024
    idontwant_message_ttl: int = 3
    max_idontwant_length: int = 10
    max_idontwant_messages: int = 1_000
    idontwant_on_publish: bool = False
    idontwant_withdraws: bool = True
    backoff_sweep: int = 1
    explicit_peers: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    protocols: tuple[str, ...] = (*GOSSIPSUB_VERSIONS, FLOODSUB_ID)
    score: ScoreParams | None = field(default_factory=lambda: _preset("spec").score)
    preset: str = field(default="spec", compare=False)

    def __repr__(self) -> str:
        """The preset, and what was changed of it."""
        plain = _preset(self.preset)
        changes = [
            f"{entry.name}={getattr(self, entry.name)!r}"
            for entry in dataclasses.fields(self)
            if entry.compare and getattr(self, entry.name) != getattr(plain, entry.name)
        ]
        return f"GossipSubParams.{self.preset}({', '.join(changes)})"

    def __post_init__(self) -> None:
        check_numbers(self)
        sizes = f"D_low={self.D_low}, D={self.D}, D_high={self.D_high}, D_out={self.D_out}, D_score={self.D_score}"
        demand(self.D_low <= self.D <= self.D_high, f"D_low <= D <= D_high must hold, not {sizes}")
        demand(self.D_score <= self.D, f"D_score must not be over D, as in {sizes}")
        # gossipsub-v1.1.md, "Outbound Mesh Quotas"
        demand(self.D_out == 0 or self.D_out < self.D_low, f"D_out must be below D_low, not as in {sizes}")
        demand(2 * self.D_out <= self.D, f"D_out must be at most half of D, not as in {sizes}")
        demand(self.heartbeat_interval >= 0.01, "heartbeat_interval must be at least 0.01 s")
        demand(
            1 <= self.mcache_gossip <= self.mcache_len,
            f"1 <= mcache_gossip <= mcache_len must hold, not {self.mcache_gossip} and {self.mcache_len}",
        )
        demand(0 <= self.gossip_factor <= 1, f"gossip_factor is between 0 and 1, not {self.gossip_factor}")
        demand(self.seen_ttl > 0, "seen_ttl must be over 0")
        for name in ("prune_backoff", "unsubscribe_backoff", "backoff_slack", "fanout_ttl", "iwant_followup_time",
                     "heartbeat_initial_delay", "graft_flood_threshold"):  # fmt: skip
            demand(getattr(self, name) >= 0, f"{name} must be 0 or more")
        demand(self.backoff_sweep >= 1, "backoff_sweep must be at least 1")
        demand(self.opportunistic_graft_ticks >= 1, "opportunistic_graft_ticks must be at least 1")
        demand(self.direct_connect_ticks >= 1, "direct_connect_ticks must be at least 1")
        for name in ("protocols", "extensions"):
            object.__setattr__(self, name, tuple(list_of(getattr(self, name), name)))
        unknown = [name for name in self.protocols if name not in (*GOSSIPSUB_VERSIONS, FLOODSUB_ID)][:8]
        demand(bool(self.protocols) and not unknown, f"protocols this router does not speak: {unknown or 'none given'}")
        unknown = [name for name in self.extensions if name not in EXTENSIONS][:8]
        demand(not unknown, f"extensions this router does not know: {unknown}; it knows {list(EXTENSIONS)}")
        if self.score is not None and not isinstance(self.score, ScoreParams):
            raise ValidationError(f"score is ScoreParams, or None for no scores, not {self.score!r}")
        from p2plab.pubsub.gossipsub.presets import SOURCES

        one_of(self.preset, SOURCES, "preset")
        object.__setattr__(self, "explicit_peers", tuple(map(_named, list_of(self.explicit_peers, "explicit_peers"))))

    def replace(self, **changes: Any) -> GossipSubParams:
        """These parameters with some values changed, as a new object. ValidationError for an unknown name or a wrong
        type, ConfigurationError for values that contradict each other."""
        known = [entry.name for entry in dataclasses.fields(self)]
        for name in changes:
            if name not in known:
                meant = did_you_mean(name, known)
                raise ValidationError(f"GossipSub has no parameter {name!r}; {meant}it has {', '.join(known)}")
        return dataclasses.replace(self, **changes)

    @classmethod
    def spec(cls, **changes: Any) -> GossipSubParams:
        """The defaults of libp2p/specs; what the specs leave open as go-libp2p-pubsub and Filecoin have it."""
        return _preset("spec").replace(**changes)

    @classmethod
    def go(cls, **changes: Any) -> GossipSubParams:
        """The defaults of go-libp2p-pubsub."""
        return _preset("go").replace(**changes)

    @classmethod
    def ethereum(cls, **changes: Any) -> GossipSubParams:
        """Ethereum's consensus layer, its beacon block topic's score for every topic not named."""
        return _preset("ethereum").replace(**changes)

    @classmethod
    def filecoin(cls, **changes: Any) -> GossipSubParams:
        """Filecoin's Lotus, its messages topic's score for every topic not named."""
        return _preset("filecoin").replace(**changes)

    @classmethod
    def rust(cls, **changes: Any) -> GossipSubParams:
        """The defaults of rust-libp2p, which scores nobody unless asked (``scored``)."""
        return _preset("rust").replace(**changes)

    @classmethod
    def js(cls, **changes: Any) -> GossipSubParams:
        """The defaults of js-libp2p."""
        return _preset("js").replace(**changes)

    @classmethod
    def nim(cls, **changes: Any) -> GossipSubParams:
        """The defaults of nim-libp2p."""
        return _preset("nim").replace(**changes)

    @classmethod
    def waku(cls, **changes: Any) -> GossipSubParams:
        """Waku's relay, as nwaku has it, on nim-libp2p."""
        return _preset("waku").replace(**changes)

    @classmethod
    def interop(cls, **changes: Any) -> GossipSubParams:
        """What libp2p's gossipsub interop tests run: go-libp2p-pubsub's defaults."""
        return _preset("interop").replace(**changes)

    @classmethod
    def presets(cls) -> dict[str, str]:
        """The names of the presets, each with the version and the files it was read from."""
        from p2plab.pubsub.gossipsub.presets import SOURCES

        return dict(SOURCES)

    @classmethod
    def named(cls, preset: str, **changes: Any) -> GossipSubParams:
        """A preset by its name, with some values changed. ValidationError for a name there is not."""
        from p2plab.pubsub.gossipsub.presets import PRESETS

        if preset not in PRESETS:
            raise ValidationError(f"no preset is called {preset!r}; there are {', '.join(PRESETS)}")
        return _preset(preset).replace(**changes)

    def scored(self) -> GossipSubParams:
        """These parameters with the preset's scores, where the preset's nodes score nobody unless asked."""
        from p2plab.pubsub.gossipsub.presets import build

        return self if self.score is not None else self.replace(score=build(self.preset).score)

    def source(self, name: str) -> str:
        """Where this preset has the value of a parameter from (``"score.graylist_threshold"`` for one of the score's,
        ``"topic.…"`` for one of the default topic's); "changed here" where it is no longer the preset's."""
        from p2plab.pubsub.gossipsub.presets import PRESETS, UNSCORED, value_of

        table = PRESETS[self.preset]
        if name not in table:
            raise ValidationError(f"no parameter is called {name!r}; there are {', '.join(table)}")
        value, source = table[name]
        if self.score is None and "." in name and self.preset in UNSCORED:
            return f"{source}, where scores are asked for"
        return source if value_of(self, name) == value else "changed here"


def _preset(name: str) -> GossipSubParams:
    from p2plab.pubsub.gossipsub.presets import preset

    return preset(name)
