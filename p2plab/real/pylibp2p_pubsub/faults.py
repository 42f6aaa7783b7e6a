"""What py-libp2p's publish-subscribe does wrong for a laboratory, and which module does something about each."""

from __future__ import annotations

from typing import Final

from p2plab.real.pylibp2p.remedy import Remedy

__all__ = ["PUBSUB_REMEDIES"]

PUBSUB_REMEDIES: Final = {
    "heartbeat": Remedy(
        "GossipSub's heartbeat defaults to 120 s: meshes never form in a short session", "pylibp2p_pubsub/routers"
    ),
    "room in the queues": Remedy("a peer's outbound queue holds 32 RPCs and drops the rest", "pylibp2p_pubsub/pubsub"),
    "one record a stream": Remedy(
        "every RPC carries the sender's signed record beside the greeting's, and every receiver verifies it each time",
        "pylibp2p_pubsub/pubsub",
    ),
    "IDONTWANT for large messages": Remedy(
        "with 1.2 every message is announced to the mesh before it is sent, however small: twice the RPCs",
        "pylibp2p_pubsub/routers",
    ),
    "no lost announcements": Remedy(
        "a subscription made while a peer is being greeted is never announced to it", "pylibp2p_pubsub/pubsub"
    ),
    "greeted in the end": Remedy(
        "a peer whose greeting fails because a connection goes is never greeted again, though another connection stays",
        "pylibp2p_pubsub/pubsub",
    ),
    "grafted when greeted": Remedy(
        "a peer whose subscription comes before it has been greeted is grafted by the next heartbeat alone, and what "
        "is published until then never reaches it",
        "pylibp2p_pubsub/routers",
    ),
    "subscriptions of another connection": Remedy(
        "when a stream to a peer fails, what the peer has subscribed to on one that is alive is forgotten for good",
        "pylibp2p_pubsub/pubsub",
    ),
    "one writer a stream": Remedy(
        "messages that are sent again to a new subscriber are written beside those in its queue: what is over 64 kB is "
        "cut in two by the other, and the peer gets garbage",
        "pylibp2p_pubsub/pubsub",
    ),
    "bounded RPCs": Remedy(
        "an RPC may hold any number of subscriptions and control messages, of topics of any length, and what a peer "
        "subscribed to is kept for good: 30 names of 900 kB cost 40 MB; of 50,000 topics that come and go, three tasks "
        "each hold the lab up for minutes",
        "pylibp2p_pubsub/pubsub",
    ),
    "silence about unknown topics": Remedy(
        "every GRAFT for a topic that is unknown here is answered with a PRUNE, every IHAVE with an IWANT, and the "
        "backoff of every PRUNE is kept for good: 100 RPCs of 2,000 keep a node busy for seconds",
        "pylibp2p_pubsub/routers",
    ),
    "no spam protection": Remedy(
        "above 10 messages a second from a peer on a topic, forwarding stops without a word", "pylibp2p_pubsub/routers"
    ),
    "no adaptive extras": Remedy(
        "health-adaptive degrees, grafting for IP diversity and score-based replacement are not in the specs and make "
        "meshes one-sided",
        "pylibp2p_pubsub/routers",
    ),
    "whole meshes": Remedy(
        "a heartbeat prunes without a backoff, at this end or in the message, and grafts the same peers again: with "
        "more neighbours than degree_high only one side believes in a mesh, and a full one of 10 delivers 60-84 %",
        "pylibp2p_pubsub/routers",
    ),
    "gossip during a backoff": Remedy(
        "whoever was pruned is told of no message while the backoff lasts, in which the specs forbid GRAFTs only",
        "pylibp2p_pubsub/routers",
    ),
    "control messages of one's own": Remedy(
        "a heartbeat's control messages pile up: each peer is also sent the GRAFTs and IHAVEs of those before it",
        "pylibp2p_pubsub/routers",
    ),
    "no number twice": Remedy(
        "messages are numbered from the second in which pubsub was made: a node that has published more of them than "
        "seconds have passed, and comes back, uses numbers again, and its messages are taken for copies",
        "pylibp2p_pubsub/pubsub",
    ),
    "no sweeper thread": Remedy("every Pubsub starts a thread that outlives it", "pylibp2p_pubsub/pubsub"),
    "direct delivery": Remedy(
        "subscriptions share one channel of 32 messages and lose what does not fit, however fast it is read",
        "pylibp2p_pubsub/pubsub",
        fixed="no: independent subscriptions stand on it",
    ),
    "guarded validators": Remedy(
        "an exception in a synchronous validator ends the host",
        "pylibp2p_pubsub/topics",
        fixed="no: validators are p2plab's, which can also ignore and wait; the library is given none",
    ),
    "validated once": Remedy(
        "a copy that arrives while an asynchronous validator runs is validated and delivered a second time",
        "pylibp2p_pubsub/pubsub",
    ),
    "prompt farewell": Remedy(
        "pubsub hears of a closed connection 0.2 s late, and skips the peer if it was dialled again meanwhile",
        "pylibp2p_pubsub/pubsub",
    ),
}
