"""What py-libp2p's own DHT does wrong for a laboratory, and which module does something about each."""

from __future__ import annotations

from typing import Final

from p2plab.real.pylibp2p.remedy import Remedy

__all__ = ["DHT_REMEDIES"]

DHT_REMEDIES: Final = {
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
        "whoever asks a node something enters its table, also as a client", "pylibp2p_dht/kad_table"
    ),
    "a table kept in client mode": Remedy(
        "becoming a client empties the routing table",
        "pylibp2p_dht/library_dht",
        fixed="no: modes are the node's, and the library is told the new one",
    ),
    "no ping for a referral": Remedy(
        "every peer that is named has the longest silent one of a full bucket pinged, over a connection made for it",
        "pylibp2p_dht/kad_table",
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
        "an answer leaves the asker out of the 20 closest, so that there are 19; one to FIND_NODE also where the asker "
        "is who is looked for",
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
