"""What py-libp2p 0.8.1 does wrong for a laboratory, and which module of p2plab's does something about each.

``REMEDIES`` is the whole list, by the name with which the code that applies a remedy refers to it. ``remedies`` says
which of them a node has.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from p2plab.text import html_table

__all__ = ["REMEDIES", "Remedy"]

WITHOUT: Final = "P2PLAB_WITHOUT_REMEDIES"  # in the environment: names of the process's remedies, comma between them


class Remedy(NamedTuple):
    """``why``: what happens without it. ``where``: the module of ``p2plab.real`` that applies it. ``fixed``: why it
    cannot be turned off, if it cannot. ``process``: it is of the whole process, and chosen before the first import.
    ``needs``: what else has to be off or set for its fault to show."""

    why: str
    where: str
    fixed: str = ""
    process: bool = False
    needs: str = ""

    @property
    def off(self) -> str:
        """How it is turned off, or why not."""
        if self.fixed:
            return self.fixed
        how = f"{WITHOUT} in the environment, before the import" if self.process else "remedies="
        return f"{how}, with {self.needs}" if self.needs else how


class Table(dict[str, Remedy]):
    """The remedies by name; a notebook shows them as a table."""

    HEAD = ("remedy", "without it", "where", "turned off by")

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [(name, remedy.why, f"real/{remedy.where}.py", remedy.off) for name, remedy in self.items()]

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {why} ({where}; off: {off})" for name, why, where, off in self._rows())

    def _repr_html_(self) -> str:
        return html_table(self.HEAD, self._rows())


_ALL: Final[dict[str, Remedy]] = {
    # -- the process
    "yamux window": Remedy(
        "PY_YAMUX_RELEASE_ON_READ defaults to a window update for every small read: ten frames for one pubsub RPC, and "
        "a median of 4.8 s instead of 0.06 s for a gossip message among 20 nodes",
        "pylibp2p/remedies",
        process=True,
    ),
    "quiet logs": Remedy(
        "libp2p clears the handlers of its logger when it is imported, so that its warnings go to stderr",
        "pylibp2p/remedies",
        process=True,
    ),
    "root logger": Remedy(
        "swarm_connection logs through the functions of the logging module, the first of which configures the root "
        "logger of the whole process",
        "pylibp2p/remedies",
        process=True,
    ),
    # -- hosts
    "one supervisor a host": Remedy(
        "one crash takes down all nodes of the same nursery",
        "loop/supervisor",
        fixed="no: a node of a lab is what its supervisor keeps",
    ),
    "close inside run": Remedy(
        "without host.close() inside host.run() the listener goes on accepting, and three tasks a host and a socket a "
        "connection stay; one connection after the other takes 0.2 s each",
        "pylibp2p/stack",
    ),
    "no retries": Remedy("a refused dial is tried four times, with 0.7 s of pauses", "pylibp2p/stack"),
    "one connection a peer": Remedy(
        "with more than one connection allowed to a peer every dial waits 252 ms (a stagger of two addresses)",
        "pylibp2p/stack",
        needs="'address by address' off",
    ),
    "no auto-connector": Remedy(
        "a host dials the peers it knows until it is half way between its watermarks (200 connections): at the start, "
        "after a disconnect, and every 30 s",
        "pylibp2p/swarm",
        needs="'no dialling behind the back' off",
    ),
    "no dialling behind the back": Remedy(
        "opening a stream dials where there is no connection: pubsub does so to peers that were just disconnected",
        "pylibp2p/swarm",
    ),
    "no default limits": Remedy(
        "the resource manager that new_host adds is off by one, and queues what it should refuse", "pylibp2p/stack"
    ),
    "inbound slots": Remedy(
        "a task and one of 250 inbound slots stay for every connection ever accepted, closed or not", "pylibp2p/swarm"
    ),
    "addresses once": Remedy(
        "a host makes its addresses anew from its sockets for every RPC that it sends: a tenth of the CPU",
        "pylibp2p/swarm",
    ),
    "guarded streams": Remedy(
        "an exception in a stream handler, or bytes that are not UTF-8 in a negotiation, end the host", "pylibp2p/swarm"
    ),
    "address by address": Remedy(
        "dial_peer tries one address a transport class, drops loopback addresses where there are others, tells of no "
        "attempt, and refuses a peer for 60 s after a failure",
        "host",
    ),
    "ports of one's own": Remedy(
        "listeners set SO_REUSEPORT: where two processes listen at one port, each gets some connections of the other's",
        "connections/ports",
    ),
    "the newest connection": Remedy(
        "streams are opened on the connection that has most of them, which is the dead one when a peer has come back",
        "pylibp2p/swarm",
    ),
    "addresses that do not end": Remedy(
        "a peer's addresses, and a node's own, have a lifetime by the wall clock: after three hours, or when a laptop "
        "has slept, the first use of the DHT raises 'peer ID is expired'",
        "pylibp2p/peerstore",
        fixed="no: a node of a lab would forget where it is itself",
    ),
    # -- transports and muxers
    "ECDSA keys": Remedy(
        "peers whose key is ECDSA are refused by every handshake: the library has no reader for such keys",
        "pylibp2p/remedies",
        process=True,
    ),
    "observed addresses": Remedy(
        "identify tells a peer that it was seen at a TCP address, or at none, where it came over another transport",
        "pylibp2p/swarm",
    ),
    "WebSockets with addresses": Remedy(
        "the WebSocket transport's listener cannot share a port with what holds it for the node, its connections know "
        "no addresses, and closing one waits for a silent peer for ever",
        "transports/websocket",
        fixed="the library's transport would have the node come back at other ports",
    ),
    "a bare TLS certificate": Remedy(
        "certificates have two extensions before libp2p's own, and js-libp2p reads the first only: it takes no TLS "
        "connection and makes none",
        "transports/build",
    ),
    "Mplex both ways": Remedy(
        "a write to an Mplex stream waits for the read of it that waits, and two writers' frames may mix",
        "transports/build",
    ),
    "QUIC streams in order": Remedy(
        "of two QUIC streams that are opened at once, the one that says something last is taken for one that has ended",
        "transports/quic",
    ),
    "QUIC streams that wait": Remedy(
        "a QUIC stream is given up after 30 s in which nothing came, or in which nothing could be sent",
        "transports/quic",
    ),
    "windows of QUIC streams": Remedy(
        "a peer may send without bound on a QUIC stream that nobody reads, and what does not fit into 2 MB is dropped "
        "from its middle",
        "transports/quic",
    ),
    "the rest of a QUIC stream": Remedy(
        "bytes that come together with a QUIC stream's end are lost to a read that was about to wait, and an end after "
        "this end's own reads as a reset",
        "transports/quic",
    ),
    "goodbye for QUIC": Remedy(
        "no system resets the QUIC connections of a node that crashed: its peers keep them for ten minutes",
        "transports/quic",
    ),
    "WebTransport streams": Remedy(
        "64 packets of a stream are held and the others dropped, so that anything above 64 kB stalls; a reset reads as "
        "an end; who reads when the connection goes waits for ever",
        "transports/webtransport",
        fixed="a connection of the library's has no event of its end, without which it would stay listed",
    ),
    "WebRTC's ends": Remedy(
        "64 messages of a WebRTC stream are held and the others dropped; ending one direction ends both; an end reads "
        "as an error; nobody hears that a peer connection has gone",
        "transports/webrtc",
        fixed="a connection of the library's has no event of its end, without which it would stay listed",
    ),
    "private networks": Remedy(
        "private networks have another cipher than the spec's, and a node that has another key, or none, is waited for "
        "until a time runs out",
        "pylibp2p/swarm",
    ),
    "silent peers": Remedy(
        "a peer outside the lab that falls silent, with its socket open, stays listed for good: one that hangs, or "
        "js-libp2p, which aborts a connection over a WebSocket with Mplex without closing it",
        "connections/lifecycle",
    ),
    # -- streams
    "uncut I/O": Remedy(
        "a cancel inside a read, a write or new_stream cuts an encrypted frame in two: the connection is dead, but "
        "listed",
        "connections/streams",
    ),
    "uncut negotiation": Remedy(
        "the library's own 10 s limit on negotiating a protocol is such a cancel; ours ends the wait and resets the "
        "stream instead",
        "pylibp2p/stack",
    ),
    "own window wait": Remedy(
        "a write fails after 5 s of a full window, having sent nobody knows how much", "connections/streams"
    ),
    "room for a stream": Remedy(
        "opening a stream that the muxer has no room for (Yamux's 256th) waits for ever instead of failing",
        "connections/connections",
    ),
    "kept windows": Remedy(
        "what a peer sends beyond a Yamux window is taken, and windows grow to 16 MiB: no limit of memory would hold",
        "connections/admission",
        needs="limits= on the node",
    ),
    "wake on reset": Remedy(
        "resetting a stream leaves a read of it that waits at this end waiting for ever", "connections/streams"
    ),
    "tell reset from end": Remedy(
        "a stream that the peer reset, or whose connection went, reads as one that ended properly",
        "connections/streams",
    ),
    # -- reachability, where AutoNAT and the relay are py-libp2p's own
    "AutoNAT by a new connection": Remedy(
        "AutoNAT answers OK for closed ports: its dial back returns at once, since whoever asks is connected; four "
        "such answers, and a node behind a NAT takes itself for public",
        "pylibp2p_nat/autonat",
        needs="nat='libp2p' on the server",
    ),
    "a full relay says so": Remedy(
        "a relay without a free slot refuses a reservation by RESOURCE_LIMIT_EXCEEDED (201), which is a circuit's; the "
        "spec has RESERVATION_REFUSED (200)",
        "pylibp2p_nat/relay",
        needs="nat='libp2p' on the relay",
    ),
    "limits each way": Remedy(
        "a circuit's data limit is one for both directions together: a peer that sends uses up what it may receive",
        "pylibp2p_nat/relay",
        needs="nat='libp2p' on the relay",
    ),
    "a reset over a limit": Remedy(
        "over a limit a relay writes a status message among a circuit's bytes, which its ends read as theirs, before "
        "it resets",
        "pylibp2p_nat/relay",
        needs="nat='libp2p' on the relay",
    ),
    "circuits apart": Remedy(
        "a relay knows circuits by the peers at their ends: when one ends, another one of the same peer is closed",
        "pylibp2p_nat/relay",
        needs="nat='libp2p' on the relay",
    ),
    "circuits that end in time": Remedy(
        "a circuit over its time goes on until somebody sends something on it",
        "pylibp2p_nat/relay",
        needs="nat='libp2p' on the relay",
    ),
    # -- pubsub
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
        "subscribed to is kept for good: 30 names of 900 kB cost 40 MB",
        "pylibp2p_pubsub/pubsub",
    ),
    "silence about unknown topics": Remedy(
        "every GRAFT for a topic that is unknown here is answered with a PRUNE: 100 RPCs of 2,000 keep a node busy for "
        "seconds",
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
    # -- the DHT, where it is py-libp2p's own
    "a protocol id of one's own": Remedy(
        "the DHT asks and answers on /ipfs/kad/1.0.0 alone, whatever protocol_prefix says, and that carries no lessons",
        "pylibp2p_dht/kad_streams",
        fixed="no: the lab's records would go out on the public network's protocol",
    ),
    "DHT over streams of ours": Remedy(
        "its queries are cancelled after 10 s, or when there are values enough, inside a read or a write: the "
        "connection is dead, but listed; it asks only where there is a connection; and it tells of no query",
        "pylibp2p_dht/kad_streams",
        fixed="no: the path of a lookup stands on it",
    ),
    "refreshing in turn": Remedy(
        "its service refreshes all of a node's buckets at once and when it starts: 20 nodes were busy for 31 s",
        "pylibp2p_dht/library_dht",
        fixed="no: a node of a lab costs nothing until its DHT is used",
    ),
    "tables filled on connect": Remedy(
        "routing tables stay empty when peers are connected", "pylibp2p_dht/library_dht"
    ),
    "clients in nobody's table": Remedy(
        "whoever asks a node something enters its table, also as a client", "pylibp2p_dht/kad"
    ),
    "a table kept in client mode": Remedy(
        "becoming a client empties the routing table",
        "pylibp2p_dht/library_dht",
        fixed="no: modes are the node's, and the library is told the new one",
    ),
    "no ping for a referral": Remedy(
        "every peer that is named has the longest silent one of a full bucket pinged, over a connection made for it",
        "pylibp2p_dht/kad",
        fixed="no: lookups among more than 20 nodes would dial them all",
    ),
    "strict validation": Remedy(
        "keys without a namespace, and of unknown ones, pass unseen; a validator that raises leaves as ValueError",
        "pylibp2p_dht/kad",
        fixed="no: validators are p2plab's, the same in both worlds",
    ),
    "keys that are bytes": Remedy(
        "keys must be UTF-8, which those of /pk and /ipns, with a peer id in binary, are not",
        "pylibp2p_dht/kad",
        fixed="no: /pk and /ipns records could not be put",
    ),
    "values that can be put again": Remedy(
        "a holder refuses a value that it holds already, so that nothing is ever put again, and any other value of "
        "which its validator does not say that it is better",
        "pylibp2p_dht/kad",
    ),
    "more than one's own value": Remedy(
        "a node that holds a value asks nobody, whatever the quorum: in a small lab, where all hold all, one sees "
        "nothing",
        "pylibp2p_dht/kad",
        fixed="no: a quorum would mean something else in each world",
    ),
    "who asks is named, too": Remedy(
        "an answer to FIND_NODE leaves the asker out of the 20 closest, so that there are 19, also where the asker is "
        "who is looked for",
        "pylibp2p_dht/kad",
    ),
    "lookups for any key": Remedy(
        "a node resets the stream of a FIND_NODE for a key over 50 bytes", "pylibp2p_dht/kad"
    ),
    "announcements that have arrived": Remedy(
        "an announcement counts as made when it is written: who looks for providers at once may find none",
        "pylibp2p_dht/kad_streams",
        fixed="no: what a lookup stored would be a guess",
    ),
    "nothing said to an announcement": Remedy(
        "a node sends every ADD_PROVIDER back, which go-libp2p takes for the answer to its next request on the stream: "
        "it finds providers that never provided, and its process ends",
        "pylibp2p_dht/library_dht",
    ),
    "each provider once": Remedy(
        "a provider is listed once for everybody who names it, and a search ends when there are enough entries",
        "pylibp2p_dht/kad",
        fixed="no: a Lookup has each provider once",
    ),
    "correction of the minority": Remedy(
        "where a value wins by number, those that gave another first are not sent it",
        "pylibp2p_dht/library_dht",
        fixed="no: it is sent in a task of its own, when the get is over",
    ),
    "room for requests": Remedy(
        "a node resets all but 12 streams of requests at once, and all but 10 announcements of a peer in 10 s",
        "pylibp2p_dht/kad",
    ),
    "bounded answers": Remedy(
        "whatever an answer names, be it a hundred thousand peers, or bytes that are no peer id, goes into the table",
        "pylibp2p_dht/kad_streams",
        fixed="no: one hostile peer would stop every node that asks it",
    ),
    "an end to every lookup": Remedy(
        "a get asks everybody whom anybody names",
        "pylibp2p_dht/kad_watch",
        fixed="no: referrals that never end would be followed without end",
    ),
}

REMEDIES: Final = Table(_ALL)
