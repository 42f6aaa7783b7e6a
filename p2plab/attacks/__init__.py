"""The nine attacks of the GossipSub v1.1 evaluation report as scenarios for a mock lab, with scoring on and off.

p2plab.attacks.eclipse_target(Lab(seed=1), scoring=False)
p2plab.sweep(p2plab.attacks.covert_flash, seeds=range(30), grid={"scoring": [True, False]})
"""

from __future__ import annotations

from p2plab.attacks.scenarios import attack_at_dawn as attack_at_dawn
from p2plab.attacks.scenarios import censorship as censorship
from p2plab.attacks.scenarios import cold_boot as cold_boot
from p2plab.attacks.scenarios import covert_flash as covert_flash
from p2plab.attacks.scenarios import degradation as degradation
from p2plab.attacks.scenarios import eclipse_network as eclipse_network
from p2plab.attacks.scenarios import eclipse_publishers as eclipse_publishers
from p2plab.attacks.scenarios import eclipse_target as eclipse_target
from p2plab.attacks.scenarios import ip_colocation as ip_colocation
from p2plab.attacks.sybil import Censor as Censor
from p2plab.attacks.sybil import Degrader as Degrader
from p2plab.attacks.sybil import Sybil as Sybil
from p2plab.attacks.sybil import attacker as attacker

__all__ = [
    "Censor",
    "Degrader",
    "Sybil",
    "attack_at_dawn",
    "attacker",
    "censorship",
    "cold_boot",
    "covert_flash",
    "degradation",
    "eclipse_network",
    "eclipse_publishers",
    "eclipse_target",
    "ip_colocation",
]
