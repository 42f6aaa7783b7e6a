"""What py-libp2p 0.8.1 does wrong for a laboratory, and which module of p2plab's does something about each.

``REMEDIES`` is the whole list, by the name with which the code that applies a remedy refers to it; the faults of
publish-subscribe and of the DHT stand in the rooms that mend them. ``remedies`` says which of them a node has.
"""

from __future__ import annotations

from typing import Final

from p2plab.real.pylibp2p.remedy import Remedy, RemedyTable
from p2plab.real.pylibp2p_dht.faults import DHT_REMEDIES
from p2plab.real.pylibp2p_pubsub.faults import PUBSUB_REMEDIES

__all__ = ["REMEDIES"]

_OF_HOSTS: Final = {
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
}

REMEDIES: Final = RemedyTable({**_OF_HOSTS, **PUBSUB_REMEDIES, **DHT_REMEDIES})
