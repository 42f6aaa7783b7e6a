"""Which implementation of libp2p a node runs, by what it tells by identify, and what its configuration calls things.

The words were read from the sources of the versions named here. A node tells its agent version as free text: what
follows from it is a guess that a remedy may stand on, and nothing else does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["IMPLEMENTATIONS", "Implementation", "in_words_of", "recognised"]


@dataclass(frozen=True, slots=True)
class Implementation:
    """``version``: of what the words were read from; ``words``: by layer of a diagnosis; ``max_message_size``: bytes of
    a pubsub RPC that it takes unless told otherwise, None where it sets no bound."""

    name: str
    version: str
    agents: re.Pattern[str]
    words: Mapping[str, str]
    max_message_size: int | None = None

    def says(self, layer: str) -> str:
        """What its configuration calls what a layer is about, with the version; empty where that is not known."""
        words = self.words.get(layer)
        return "" if words is None else f"{self.name} ({self.version}): {words}"


IMPLEMENTATIONS: Final[Mapping[str, Implementation]] = {
    one.name: one
    for one in (
        Implementation(
            "go-libp2p",
            "0.51.0, pubsub 0.19.0, kad-dht 0.42.2",
            # Its default is the program's module path and version; kubo, prysm and others have their own.
            re.compile(
                r"(go-libp2p|kubo/|go-ipfs/|prysm/|github\.com/|[\w.-]+(/[\w.-]+)*@(v\d|[0-9a-f]{0,12}(-dirty)?$))",
                re.I,
            ),
            {
                "port": "libp2p.ListenAddrStrings(...); host.Addrs() tells what it took",
                "peer id": "libp2p.Identity(key) keeps a peer id; without it every start makes a new one",
                "transport": "libp2p.Transport(tcp.NewTCPTransport), libp2p.Transport(websocket.New)",
                "security": "libp2p.Security(noise.ID, noise.New), libp2p.Security(tls.ID, tls.New)",
                "muxer": "libp2p.Muxer(yamux.ID, yamux.DefaultTransport); it has no Mplex any more",
                "private network": "libp2p.PrivateNetwork(psk)",
                "gate": "libp2p.ConnectionGater(...)",
                "limit": "libp2p.ResourceManager(...), libp2p.ConnectionManager(...)",
                "protocols": "host.SetStreamHandler(id, ...)",
                "pubsub protocol": "pubsub.NewGossipSub, pubsub.NewFloodSub",
                "topic": "pubsub.Join(topic), then topic.Subscribe()",
                "signing policy": "pubsub.WithMessageSignaturePolicy(pubsub.StrictSign)",
                "message size": "pubsub.WithMaxMessageSize(bytes), 1 MiB by default",
                "subscription": "topic.EventHandler() tells who subscribes; pubsub.WithReadiness for a publish",
                "validator": "pubsub.RegisterTopicValidator(topic, ...)",
                "score": "pubsub.WithPeerScore(params, thresholds)",
                "backoff": "GossipSubParams.PruneBackoff, GossipSubParams.UnsubscribeBackoff",
                "mesh": "GossipSubParams.D, Dlo, Dhi",
                "DHT protocol": "dht.ProtocolPrefix(prefix), to which it adds /kad/1.0.0",
                "DHT mode": "dht.Mode(dht.ModeServer)",
                "DHT table": "dht.BootstrapPeers(...), dht.Bootstrap(ctx)",
                "DHT records": "dht.NamespacedValidator(namespace, ...)",
            },
            1 << 20,
        ),
        Implementation(
            "js-libp2p",
            "3.3.11, gossipsub 17.1.1, kad-dht 16.4.5",
            re.compile(r"(js-libp2p|helia|lodestar)", re.I),
            {
                "address": "addresses: { listen: [...] }; a browser listens nowhere, and is dialled through a relay",
                "port": "addresses: { listen: [...] }; node.getMultiaddrs() tells what it took",
                "peer id": "privateKey: ... keeps a peer id; without it every start makes a new one",
                "transport": "transports: [tcp(), webSockets()]",
                "security": "connectionEncrypters: [noise(), tls()]",
                "muxer": "streamMuxers: [yamux()]",
                "private network": "connectionProtector: preSharedKey({ psk })",
                "gate": "connectionGater: { denyInboundEncryptedConnection, ... }",
                "limit": "connectionManager: { maxConnections, inboundConnectionThreshold }",
                "identify": "services: { identify: identify() }",
                "protocols": "node.handle(id, ...)",
                "pubsub protocol": "services: { pubsub: gossipsub() }, which falls back to floodsub by default",
                "topic": "services.pubsub.subscribe(topic)",
                "signing policy": "gossipsub({ globalSignaturePolicy: 'StrictSign' })",
                "message size": "gossipsub({ maxInboundDataLength: bytes }), 4 MiB by default",
                "subscription": "its event subscription-change tells who subscribes; allowPublishToZeroTopicPeers",
                "validator": "services.pubsub.topicValidators.set(topic, ...)",
                "score": "gossipsub({ scoreParams, scoreThresholds })",
                "backoff": "gossipsub({ pruneBackoff, unsubcribeBackoff })",
                "mesh": "gossipsub({ D, Dlo, Dhi })",
                "DHT protocol": "kadDHT({ protocol })",
                "DHT mode": "kadDHT({ clientMode: false }), or services.dht.setMode('server')",
                "DHT table": "peerDiscovery: [bootstrap({ list })]; peerInfoMapper: passthroughMapper on a LAN",
                "DHT records": "kadDHT({ validators, selectors })",
            },
            4 << 20,
        ),
        Implementation(
            "rust-libp2p",
            "0.57.1, gossipsub 0.50.1, kad 0.49.0",
            re.compile(r"(rust-libp2p|lighthouse/|substrate|polkadot|litep2p)", re.I),
            {
                "port": "swarm.listen_on(address); SwarmEvent::NewListenAddr tells what it took",
                "peer id": "SwarmBuilder::with_existing_identity(keypair) keeps a peer id",
                "transport": "SwarmBuilder::with_tcp(...), with_websocket(...)",
                "security": "SwarmBuilder::with_tcp(..., (tls::Config::new, noise::Config::new), ...)",
                "muxer": "SwarmBuilder::with_tcp(..., ..., yamux::Config::default)",
                "private network": "pnet::PnetConfig::new(PreSharedKey::new(...))",
                "gate": "allow_block_list::Behaviour",
                "limit": "connection_limits::Behaviour",
                "identify": "identify::Behaviour::new(identify::Config::new(...))",
                "protocols": "request_response::Behaviour, or stream::Behaviour",
                "pubsub protocol": "gossipsub::Behaviour; floodsub::Behaviour is another one",
                "topic": "gossipsub.subscribe(&IdentTopic::new(topic)); a Sha256Topic has another name on the wire",
                "signing policy": "gossipsub::MessageAuthenticity::Signed, ConfigBuilder::validation_mode",
                "message size": "gossipsub::ConfigBuilder::max_transmit_size(bytes), 64 KiB by default",
                "subscription": "gossipsub::Event::Subscribed tells who subscribes; before, publish fails",
                "validator": "ConfigBuilder::validate_messages, report_message_validation_result",
                "score": "gossipsub.with_peer_score(params, thresholds)",
                "backoff": "ConfigBuilder::prune_backoff, unsubscribe_backoff",
                "mesh": "ConfigBuilder::mesh_n, mesh_n_low, mesh_n_high",
                "DHT protocol": "kad::Config::new(StreamProtocol::new(protocol))",
                "DHT mode": "kad.set_mode(Some(kad::Mode::Server)); without an external address it stays a client",
                "DHT table": "kad.add_address(peer, address), fed from identify, then kad.bootstrap()",
            },
            65536,
        ),
        Implementation(
            "py-libp2p",
            "0.8.1",
            re.compile(r"/?py-libp2p", re.I),
            {
                "port": "new_host(listen_addrs=[...]), host.run(listen_addrs)",
                "peer id": "new_host(key_pair=...) keeps a peer id",
                "transport": "new_host(enable_tcp, enable_websocket, enable_quic)",
                "security": "new_host(sec_opt={...})",
                "muxer": "new_host(muxer_opt={...}, muxer_preference='YAMUX')",
                "private network": "new_host(psk=...)",
                "limit": "new_host(resource_manager=..., connection_config=ConnectionConfig(...))",
                "protocols": "host.set_stream_handler(id, ...)",
                "pubsub protocol": "GossipSub(protocols=[...])",
                "topic": "await pubsub.subscribe(topic)",
                "signing policy": "Pubsub(host, router, strict_signing=True)",
                "validator": "pubsub.set_topic_validator(topic, ...)",
                "score": "GossipSub(score_params=...)",
                "backoff": "GossipSub(prune_back_off, unsubscribe_back_off)",
                "mesh": "GossipSub(degree, degree_low, degree_high, heartbeat_interval=1): at 120 s, the default, none",
                "DHT protocol": "KadDHT(host, mode, protocol_prefix=...)",
                "DHT mode": "KadDHT(host, DHTMode.SERVER)",
                "DHT table": "await dht.add_peer(peer_id): connecting does not fill it",
                "DHT records": "KadDHT(host, mode, validator=...)",
            },
        ),
    )
}


def recognised(agent_version: str) -> Implementation | None:
    """The implementation that an agent version names; None where it names none of these."""
    text = agent_version[:200].strip()
    return next((one for one in IMPLEMENTATIONS.values() if one.agents.match(text)), None)


def in_words_of(layer: str, which: Implementation | None) -> str:
    """A layer in an implementation's words; where it is not known which it is, in those of go and js, unless it may be
    no node at all."""
    if which is None and layer in ("port", "address"):
        return ""
    if which is not None:
        return which.says(layer)
    return "; ".join(filter(None, (IMPLEMENTATIONS[name].says(layer) for name in ("go-libp2p", "js-libp2p"))))
