"""Events of connections and links."""

from __future__ import annotations

from p2plab.events.kinds._table import ALL, DECISIONS, MESSAGES, Kind

KINDS = {
    "network.segment": Kind(DECISIONS, "nodes are on this segment of the network now; data: segment, nodes"),
    "network.zone": Kind(DECISIONS, "the records of a name have changed; data: name, how many of each kind"),
    "connection.dialled": Kind(DECISIONS, "the node began to dial the peer; data: address"),
    "connection.step": Kind(MESSAGES, "a step of the handshake is done; data: step, connection"),
    "connection.opened": Kind(DECISIONS, "the connection is ready at this end; data: direction"),
    "connection.failed": Kind(DECISIONS, "the dial came to nothing; data: address, text"),
    "connection.closed": Kind(DECISIONS, "the connection is gone at this end"),
    "bootstrap.reached": Kind(DECISIONS, "a peer of the node's bootstrap list answered; data: target, try"),
    "bootstrap.failed": Kind(
        DECISIONS, "it did not; data: target, try, text, and after how many seconds it is tried again"
    ),
    "bootstrap.given_up": Kind(DECISIONS, "it did not, too often; data: target, try, text"),
    "bootstrap.joined": Kind(DECISIONS, "the node has joined the DHT through its bootstrap list; data: peers found"),
    "network.partition": Kind(DECISIONS, "links were cut between groups of nodes; data: groups"),
    "network.heal": Kind(DECISIONS, "one partition, or all of them, ended"),
    "network.hold": Kind(DECISIONS, "what two nodes send each other is kept back"),
    "network.release": Kind(DECISIONS, "what was kept back goes on its way; data: how many frames"),
    "link.sent": Kind(
        ALL,
        "a frame left on the link; size in bytes, in a real lab as it was before it was encrypted; data there: "
        "connection, and of a Yamux frame its type, flags, stream and the stream's protocol",
    ),
    "link.arrived": Kind(ALL, "a frame arrived; its cause is the link.sent"),
    "link.retransmitted": Kind(ALL, "a packet was lost and will be sent again; data: retransmission, after how many s"),
    "link.duplicated": Kind(ALL, "a packet arrived twice, of which the transport keeps one"),
    "link.dropped": Kind(DECISIONS, "a frame was lost for good, for the reason given"),
}

REASONS = {
    "corrupted": "the cipher of the connection refused a frame that was changed on its way",
    "dropped on request": "lab.network.drop took it",
    "corrupted on request": "lab.network.corrupt changed it, and its connection's cipher noticed",
    "closed here": "this end closed it",
    "closed by peer": "the other end closed it",
    "silent": "the peer, which is no node of the lab, answered no ping any more, and this end closed it",
    "unsupported": "the address is of a kind that this node does not dial",
    "black hole": "of the last hundred dials of public addresses of that kind, UDP or IPv6, nearly all had failed",
    "refused": "nobody listens at that address, or the listener said no",
    "unreachable": "nothing came back from that address",
    "no route": "the link between the two is cut",
    "crashed": "the node at the other end is gone",
    "no answer": "nobody answered who could have",
    "no address": "no address is known for that peer",
    "wrong peer": "whoever answered proved another peer id than the one dialled",
    "private network": "one end is in a private network that the other is not in",
    "handshake failed": "security or muxer could not be agreed",
    "too many handshakes": "as many strangers as a node deals with at once have not said who they are yet",
    "self": "a node cannot dial itself",
}
