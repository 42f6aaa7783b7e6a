"""The nine attacks of the GossipSub v1.1 evaluation report (PL-TechRep-2020-001, sections 7 to 15), one function each.

Each is a scenario for a mock lab and gives figures: ``covert_flash(Lab(seed=1), scoring=False)``, or for both sides and
many seeds ``p2plab.sweep(covert_flash, seeds=range(30), grid={"scoring": [True, False]})``. The report ran 1,000 honest
nodes and up to 4,000 sybils for ten minutes and more; here the sizes are arguments, with the same ratios, and the
phases are shorter. Where its text leaves an attack's course open, the docstring says how it is modelled here.
``scoring`` switches peer scores on or off and nothing else: the other hardenings of v1.1 are always there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from p2plab.attacks.figures import delivery_figures, mesh_figures, score_figures
from p2plab.attacks.sybil import Censor, Degrader, Sybil, attacker
from p2plab.errors import NotInThisWorldError, ValidationError
from p2plab.pubsub import GossipSubParams, ScoreParams, TopicScoreParams

__all__ = [
    "attack_at_dawn", "censorship", "cold_boot", "covert_flash", "degradation", "eclipse_network", "eclipse_publishers",
    "eclipse_target", "ip_colocation",
]  # fmt: skip

TOPIC = "blocks"
SETTLE = 8.0  # seconds after the last message in which stragglers may arrive

# Filecoin's messages topic as Lotus had it when the report was made (node/modules/lp2p/pubsub.go, 2020): with the mesh
# delivery rate (P3), which later versions switched off. Activation and decays are a quarter of theirs, as the phases
# are; the window is 50 ms instead of 10 ms, for links of 50 ms.
SCORE = ScoreParams(
    gossip_threshold=-500.0, publish_threshold=-1000.0, graylist_threshold=-2500.0, accept_px_threshold=1000.0,
    opportunistic_graft_threshold=2.5, decay_interval=1.0, decay_to_zero=0.01, retain_score=21_600.0,
    retain_positive=False, app_specific_weight=1.0,
    ip_colocation_factor_weight=-100.0, ip_colocation_factor_threshold=1,
    behaviour_penalty_weight=-10.0, behaviour_penalty_threshold=6.0, behaviour_penalty_decay=0.998721604,
    default_topic=TopicScoreParams(
        topic_weight=0.05, time_in_mesh_weight=0.0002778, time_in_mesh_quantum=1.0, time_in_mesh_cap=3600.0,
        first_message_deliveries_weight=1.0, first_message_deliveries_decay=0.99333,
        first_message_deliveries_cap=1000.0,
        mesh_message_deliveries_weight=-4.0, mesh_message_deliveries_decay=0.99333, mesh_message_deliveries_cap=1000.0,
        mesh_message_deliveries_threshold=5.0, mesh_message_deliveries_window=0.050,
        mesh_message_deliveries_activation=15.0,
        mesh_failure_penalty_weight=-4.0, mesh_failure_penalty_decay=0.98671,
        invalid_message_deliveries_weight=-1000.0, invalid_message_deliveries_decay=0.99888,
    ),
)  # fmt: skip


class _Stage:
    """A lab with honest nodes wired at random, sybils connected to some of them, and a schedule of messages."""

    def __init__(self, lab: Any, scoring: bool, honest: int, degree: int, **params: Any) -> None:
        if not isinstance(getattr(lab, "backend", None), str) or hasattr(lab, "blocking"):
            raise ValidationError(f"an attack takes a Lab (of an AsyncLab, lab.blocking), not {lab!r}")
        if not isinstance(scoring, bool):
            raise ValidationError(f"scoring is True or False, not {scoring!r}")
        if lab.backend != "mock":
            raise NotInThisWorldError(
                "the attacks need virtual time and IP addresses, which only a mock lab has; take Lab(seed=1)"
            )
        self.lab = lab
        self.nodes = lab.start_nodes(
            honest, "honest", gossipsub=GossipSubParams.filecoin(score=SCORE if scoring else None, **params)
        )
        lab.wire("random", degree=min(degree, honest - 1), nodes=self.nodes)
        self.honest = [node.name for node in self.nodes]
        self.begin = lab.now

    def join(self, moment: float = 0.0) -> None:
        """Have the honest nodes subscribe, so many seconds after the beginning: meshes are made of who is there."""
        self.run_until(moment)
        for node in self.nodes:
            node.subscribe(TOPIC)

    def sybils(
        self, kind: type[Sybil], count: int, targets: Sequence[Any], links: int, arrive: float, ips: int = 0
    ) -> None:
        """Sybils that connect to ``links`` of the targets each, within two seconds from ``arrive`` on; from an IP
        address of their own each, or from ``ips`` between them."""
        params = GossipSubParams.filecoin(score=None)
        for number in range(count):
            place = {"ip": f"66.6.6.{number % ips + 1}"} if ips else {}
            node = self.lab.start_node(f"sybil{number}", router=kind, gossipsub=params, **place)
            node.subscribe(TOPIC)
            at = max(self.lab.now, self.begin + arrive) + 2.0 * number / count
            for link in range(min(links, len(targets))):
                self.lab.at(at, node.connect, targets[(number * links + link) % len(targets)].name)

    def publish(self, publishers: Sequence[Any], rate: float, since: float, until: float) -> None:
        """``rate`` messages a second, the publishers by turns."""
        for number in range(int((until - since) * rate)):
            publish = publishers[number % len(publishers)].publish
            self.lab.at(max(self.lab.now, self.begin + since + number / rate), publish, TOPIC, b"block %d" % number)

    def run_until(self, moment: float) -> None:
        """Let time pass until so many seconds after the beginning."""
        if self.begin + moment > self.lab.now:
            self.lab.run(self.begin + moment - self.lab.now)

    def figures(
        self,
        attack: tuple[float, float],
        observers: Sequence[str],
        publishers: Sequence[str],
        receivers: Sequence[str],
    ) -> dict[str, float]:
        """Deliveries before the attack, in its first and in its last third; meshes and scores at its end."""
        begin, end = attack
        third = (end - begin) / 3
        phases = {"before": (5.0, begin), "onset": (begin, begin + third), "recovered": (end - third, end)}
        self.run_until(end)
        told = mesh_figures(self.lab, TOPIC, observers, self.honest) | score_figures(self.lab, observers, self.honest)
        self.run_until(end + SETTLE)
        for name, (since, until) in phases.items():
            if until > since:
                since, until = self.begin + since, self.begin + until
                told |= delivery_figures(self.lab, publishers, receivers, since, until, name)
        return told

    def everywhere(
        self, kind: type[Sybil], count: int, links: int, rate: float, since: float, attack: tuple[float, float]
    ) -> dict[str, float]:
        """Sybils all over the network from the beginning, honest nodes that all publish from ``since`` on: figures."""
        self.sybils(kind, count, self.nodes, links, 0.0)
        self.join(4.0)
        self.publish(self.nodes, rate, since, attack[1])
        return self.figures(attack, self.honest, self.honest, self.honest)


def eclipse_target(
    lab: Any, scoring: bool = True, honest: int = 50, sybils: int = 100, degree: int = 10, rate: float = 4.0,
    warm: float = 30.0, attack: float = 90.0,
) -> dict[str, float]:  # fmt: skip
    """Section 7: all sybils connect to one node and try to be its whole mesh. Deliveries are the target's."""
    stage = _Stage(lab, scoring, honest, degree)
    target, others = stage.nodes[0], stage.nodes[1:]
    stage.join()
    stage.publish(others, rate, 5.0, warm + attack)
    stage.run_until(warm)
    stage.sybils(Sybil, sybils, [target], 1, warm)
    return stage.figures((warm, warm + attack), stage.honest[:1], stage.honest[1:], stage.honest[:1])


def eclipse_network(
    lab: Any, scoring: bool = True, honest: int = 50, sybils: int = 200, degree: int = 10, links: int = 10,
    rate: float = 4.0, warm: float = 30.0, attack: float = 90.0,
) -> dict[str, float]:  # fmt: skip
    """Section 8: sybils, four to one, connect all over the network and drop everything."""
    stage = _Stage(lab, scoring, honest, degree)
    stage.join()
    stage.publish(stage.nodes, rate, 5.0, warm + attack)
    stage.run_until(warm)
    stage.sybils(Sybil, sybils, stage.nodes, links, warm)
    return stage.figures((warm, warm + attack), stage.honest, stage.honest, stage.honest)


def eclipse_publishers(
    lab: Any, scoring: bool = True, honest: int = 50, publishers: int = 5, sybils: int = 200, degree: int = 10,
    rate: float = 4.0, warm: float = 30.0, attack: float = 90.0,
) -> dict[str, float]:  # fmt: skip
    """Section 9: the sybils connect to the publishers only, so that nothing they say gets out. Meshes are theirs."""
    stage = _Stage(lab, scoring, honest, degree)
    some = stage.nodes[:publishers]
    stage.join()
    stage.publish(some, rate, 5.0, warm + attack)
    stage.run_until(warm)
    stage.sybils(Sybil, sybils, some, publishers, warm)
    return stage.figures((warm, warm + attack), stage.honest[:publishers], stage.honest[:publishers], stage.honest)


def censorship(
    lab: Any, scoring: bool = True, honest: int = 50, sybils: int = 200, degree: int = 10, links: int = 10,
    rate: float = 4.0, warm: float = 30.0, attack: float = 90.0,
) -> dict[str, float]:  # fmt: skip
    """Section 10: sybils all over the network pass on everything but what one node publishes, and so are well thought
    of. That node publishes half of the messages; deliveries are of these."""
    stage = _Stage(lab, scoring, honest, degree)
    target, others = stage.nodes[0], stage.nodes[1:]
    stage.sybils(attacker(Censor, attacks_from=stage.begin + warm, target=target.name), sybils, stage.nodes, links, 0.0)
    stage.join(4.0)
    stage.publish([target], rate / 2, 5.0, warm + attack)
    stage.publish(others, rate / 2, 5.0, warm + attack)
    return stage.figures((warm, warm + attack), stage.honest, stage.honest[:1], stage.honest[1:])


def degradation(
    lab: Any, scoring: bool = True, honest: int = 50, sybils: int = 200, degree: int = 10, links: int = 10,
    share: float = 0.5, rate: float = 4.0, warm: float = 30.0, attack: float = 90.0,
) -> dict[str, float]:  # fmt: skip
    """Section 11: sybils all over the network drop a share of what they should pass on, so as not to be noticed."""
    stage = _Stage(lab, scoring, honest, degree)
    kind = attacker(Degrader, attacks_from=stage.begin + warm, share=share)
    return stage.everywhere(kind, sybils, links, rate, 5.0, (warm, warm + attack))


def cold_boot(
    lab: Any, scoring: bool = True, honest: int = 50, sybils: int = 200, degree: int = 10, links: int = 10,
    rate: float = 4.0, attack: float = 120.0, gossip_factor: float = 0.25,
) -> dict[str, float]:  # fmt: skip
    """Section 12: honest nodes and sybils come up together, before anybody has a score; the sybils drop everything.
    ``gossip_factor`` is the honest nodes'."""
    stage = _Stage(lab, scoring, honest, degree, gossip_factor=gossip_factor)
    return stage.everywhere(Sybil, sybils, links, rate, 5.0, (5.0, attack))


def covert_flash(
    lab: Any, scoring: bool = True, honest: int = 50, sybils: int = 200, degree: int = 10, links: int = 10,
    rate: float = 4.0, warm: float = 60.0, attack: float = 90.0,
) -> dict[str, float]:  # fmt: skip
    """Section 13: sybils behave until they are trusted, and then all drop everything at the same moment."""
    stage = _Stage(lab, scoring, honest, degree)
    kind = attacker(Sybil, attacks_from=stage.begin + warm)
    return stage.everywhere(kind, sybils, links, rate, 5.0, (warm, warm + attack))


def attack_at_dawn(
    lab: Any, scoring: bool = True, honest: int = 50, sybils: int = 200, degree: int = 10, links: int = 10,
    rate: float = 4.0, night: float = 12.0, attack: float = 120.0,
) -> dict[str, float]:  # fmt: skip
    """Section 14, modelled as: the network is up and silent, sybils in its meshes among the others; when the first
    messages are published nobody has earned a score yet, and the sybils drop everything. The night is shorter than
    the activation of P3: after a longer one, every peer is in deficit, the honest ones too."""
    stage = _Stage(lab, scoring, honest, degree)
    kind = attacker(Sybil, attacks_from=stage.begin + night)
    return stage.everywhere(kind, sybils, links, rate, night, (night, night + attack))


def ip_colocation(
    lab: Any, scoring: bool = True, honest: int = 50, sybils: int = 200, degree: int = 10, links: int = 10,
    rate: float = 4.0, warm: float = 30.0, attack: float = 60.0, ips: int = 4,
) -> dict[str, float]:  # fmt: skip
    """Section 15: the sybils of an eclipse of the whole network come from few IP addresses."""
    stage = _Stage(lab, scoring, honest, degree)
    stage.join()
    stage.publish(stage.nodes, rate, 5.0, warm + attack)
    stage.run_until(warm)
    stage.sybils(Sybil, sybils, stage.nodes, links, warm, ips)
    return stage.figures((warm, warm + attack), stage.honest, stage.honest, stage.honest)
