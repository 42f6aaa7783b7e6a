"""Every private name of py-libp2p's (and of aioquic's, below it) that p2plab reads, calls or overrides.

They are looked for when the first real lab starts: a release that renames one costs the remedy that needed it, with one
warning that says so, and not an AttributeError in the middle of something. A test holds the list to the code.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

import libp2p

from p2plab.real.pylibp2p.remedies import REMEDIES, leave_out

__all__ = ["PRIVATE", "WRITTEN_FOR", "check_private_names", "missing"]

WRITTEN_FOR: Final = "0.8.1"

# By the file that defines them, below site-packages: the names, and the remedy that cannot do without them ("": none,
# since what needs them is no remedy, or one that cannot be turned off).
PRIVATE: Final[dict[str, dict[str, str]]] = {
    "libp2p/network/swarm.py": {
        "_best_connection": "the newest connection",
        "_build_remote_multiaddr": "inbound slots",
        "_do_handle_inbound_connection": "inbound slots",
        "_handle_inbound_connection": "",
        "_init_connection_management": "no auto-connector",
    },
    "libp2p/network/connection/swarm_connection.py": {"_created_at": "the newest connection"},
    "libp2p/network/stream/net_stream.py": {"_direction": ""},
    "libp2p/host/basic_host.py": {"_schedule_identify": "", "_swarm_stream_handler": "guarded streams"},
    "libp2p/identity/identify/identify.py": {"_mk_identify_protobuf": "observed addresses"},
    "libp2p/bitswap/client.py": {"_handle_stream": "", "_notify_peers_about_block": ""},
    "libp2p/host/autonat/autonat.py": {"_handle_dial": "", "_try_dial": "AutoNAT by a new connection"},
    "libp2p/relay/circuit_v2/protocol.py": {
        "_active_relays": "circuits apart",
        "_handle_connect": "",
        "_handle_hop_stream": "",
        "_handle_reserve": "a full relay says so",
        "_relay_data": "limits each way",
        "_send_status": "a reset over a limit",
    },
    "libp2p/stream_muxer/mplex/mplex.py": {
        "_handle_reset": "Mplex both ways",
        "_initialize_stream": "Mplex both ways",
    },
    "libp2p/stream_muxer/yamux/yamux.py": {"_effective_rtt": "kept windows"},
    "libp2p/pubsub/pubsub.py": {
        "_forget_subscription": "subscriptions of another connection",
        "_handle_dead_peer": "subscriptions of another connection",
        "_handle_new_peer": "no lost announcements",
        "_mark_msg_seen": "validated once",
        "_next_seqno": "no number twice",
        "_peer_added_events": "greeted in the end",
        "_peer_is_connected": "prompt farewell",
        "_validation_cache_cleanup": "no sweeper thread",
    },
    "libp2p/pubsub/rpc_queue.py": {"_queue": "room in the queues"},
    "libp2p/tools/timed_cache/base_timed_cache.py": {"_sweep": "no sweeper thread"},
    "libp2p/pubsub/gossipsub.py": {
        "_add_back_off": "whole meshes",
        "_check_back_off": "",
        "_check_ihave_rate_limit": "",
        "_check_iwant_rate_limit": "",
        "_do_px": "",
        "_emit_control_msgs": "control messages of one's own",
        "_emit_idontwant_for_message": "IDONTWANT for large messages",
        "_get_in_topic_gossipsub_peers_from_minus": "gossip during a backoff",
        "_get_peers_to_send": "",
        "_handle_dropped_rpc": "",
        "_maintain_mesh_quality": "no adaptive extras",
        "_perform_opportunistic_grafting": "no adaptive extras",
    },
    "libp2p/kad_dht/kad_dht.py": {"_add_closer_peers_to_response": ""},
    "libp2p/kad_dht/peer_routing.py": {"_query_peer_for_closest": ""},
    "libp2p/kad_dht/provider_store.py": {
        "_get_providers_from_peer_with_closers": "each provider once",
        "_last_republish": "",
        "_republish_provider_records": "",
        "_send_add_provider": "",
    },
    "libp2p/kad_dht/routing_table.py": {"_should_split_bucket": "no ping for a referral", "_subnet_key": ""},
    "libp2p/kad_dht/value_store.py": {
        "_get_from_peer": "",
        "_last_republish": "",
        "_republish_records": "",
        "_store_at_peer": "correction of the minority",
    },
    "libp2p/transport/quic/connection.py": {
        "_closed_event": "",
        "_handle_connection_terminated": "goodbye for QUIC",
        "_next_stream_id": "QUIC streams in order",
        "_owns_socket": "goodbye for QUIC",
        "_quic": "",
        "_remote_addr": "",
        "_signal_activity": "QUIC streams that wait",
        "_transmit": "goodbye for QUIC",
    },
    "libp2p/transport/quic/stream.py": {
        "_backpressure_event": "wake on reset",
        "_read_closed": "",
        "_receive_buffer": "the rest of a QUIC stream",
        "_receive_event": "wake on reset",
    },
    "libp2p/transport/quic/transport.py": {"_quic_configs": ""},
    "libp2p/transport/webtransport/connection.py": {
        "_handle_quic_event": "WebTransport streams",
        "_maddr": "",
        "_owns_socket": "WebTransport streams",
        "_quic": "",
        "_remote_addr": "",
    },
    "libp2p/transport/webtransport/stream.py": {
        "_buf": "WebTransport streams",
        "_read_closed": "",
        "_read_recv": "WebTransport streams",
        "_read_send": "WebTransport streams",
    },
    "libp2p/transport/webrtc/connection.py": {
        "_accept_send": "WebRTC's ends",
        "_bridge": "",
        "_close_pc_cb": "WebRTC's ends",
        "_create_channel_cb": "WebRTC's ends",
        "_streams_lock": "",
    },
    "libp2p/transport/webrtc/stream.py": {
        "_close_write": "WebRTC's ends",
        "_drain_buf": "WebRTC's ends",
        "_fin_ack_received": "WebRTC's ends",
        "_read_buf": "WebRTC's ends",
        "_read_recv": "WebRTC's ends",
        "_read_send": "WebRTC's ends",
        "_reset_on_trio_thread": "WebRTC's ends",
        "_state": "",
    },
    "aioquic/quic/connection.py": {
        "_close_begin": "goodbye for QUIC",
        "_close_end": "goodbye for QUIC",
        "_get_or_create_stream_for_send": "QUIC streams in order",
        "_local_next_stream_id_bidi": "",
        "_on_max_stream_data_delivery": "windows of QUIC streams",
        "_remote_max_streams_bidi": "room for a stream",
        "_write_stream_limits": "windows of QUIC streams",
    },
    "aioquic/quic/stream.py": {"_buffer_start": "", "_buffer_stop": ""},
}


def missing(private: Mapping[str, Mapping[str, str]] = PRIVATE) -> list[tuple[str, str, str]]:
    """Those that the libraries installed here do not have: file, name, remedy. A library that is not here at all has
    nothing missing."""
    here = Path(libp2p.__path__[0]).parent
    lost = []
    for file, names in private.items():
        path = here / file
        if not path.parent.exists():
            continue
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        found = set(re.findall(r"\b_[a-z]\w*", text))
        lost += [(file, name, remedy) for name, remedy in names.items() if name not in found]
    return lost


@cache
def check_private_names() -> None:
    """Turn off the remedies that no longer fit, with one warning that names them. Once in a process."""
    lost = missing()
    if lost:
        warnings.warn(_told(lost), stacklevel=2)
        leave_out(dict.fromkeys(remedy for _, _, remedy in lost if remedy and not REMEDIES[remedy].fixed))


def _told(lost: Iterable[tuple[str, str, str]]) -> str:
    names = ", ".join(f"{name} of {file}" for file, name, _ in lost)
    off = ", ".join(repr(name) for name in dict.fromkeys(remedy for *_, remedy in lost if remedy))
    return (
        f"p2plab was written for py-libp2p {WRITTEN_FOR}; {version('libp2p')} has no {names} any more. "
        + (f"Off because of that: {off}" if off else "What uses them may fail")
        + " (p2plab.real.pylibp2p.remedies.REMEDIES says what each was for)"
    )
