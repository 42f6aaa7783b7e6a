//! A rust-libp2p node with both halves of rendezvous and of relaying, driven by lines on its standard input.
//!
//! It says `address MULTIADDR` once it listens, then what happens, a line each:
//! `register POINT NAMESPACE TTL` -> `registered TTL` or `refused CODE`
//! `discover POINT NAMESPACE|* LIMIT` -> `discovered PEER...`; asked again, with the cookie of the last answer
//! `unregister POINT NAMESPACE` -> nothing
//! `listen RELAY/p2p-circuit` -> `reserved RELAY`
//! `ping ADDRESS` -> `pinged PEER`
//! As a point it says `served PEER` for each peer that registered. With the argument `dcutr` it upgrades relayed
//! connections that come in, and says `punched PEER` or `unpunched PEER WHY`.

use std::error::Error;

use futures::StreamExt;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{dcutr, identify, noise, ping, relay, rendezvous, tcp, yamux, Multiaddr, PeerId, SwarmBuilder};
use tokio::io::{AsyncBufReadExt, BufReader};

#[derive(NetworkBehaviour)]
struct Behaviour {
    identify: identify::Behaviour,
    client: rendezvous::client::Behaviour,
    server: rendezvous::server::Behaviour,
    ping: ping::Behaviour,
    relays: relay::Behaviour,
    relayed: relay::client::Behaviour,
    upgrades: Toggle<dcutr::Behaviour>,
}

/// The last one: of an address over a relay, whom it leads to.
fn peer_of(address: &Multiaddr) -> Option<PeerId> {
    address.iter().filter_map(|part| match part {
        Protocol::P2p(peer) => Some(peer),
        _ => None,
    }).last()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let upgrading = std::env::args().any(|argument| argument == "dcutr");
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
        .with_relay_client(noise::Config::new, yamux::Config::default)?
        .with_behaviour(|key, relayed| Behaviour {
            identify: identify::Behaviour::new(identify::Config::new("rendezvous/1.0.0".into(), key.public())),
            client: rendezvous::client::Behaviour::new(key.clone()),
            server: rendezvous::server::Behaviour::new(rendezvous::server::Config::default().with_min_ttl(60)),
            ping: ping::Behaviour::new(ping::Config::new().with_interval(std::time::Duration::from_secs(1))),
            relays: relay::Behaviour::new(key.public().to_peer_id(), relay::Config::default()),
            relayed,
            upgrades: Toggle::from(upgrading.then(|| dcutr::Behaviour::new(key.public().to_peer_id()))),
        })?
        .with_swarm_config(|config| config.with_idle_connection_timeout(std::time::Duration::from_secs(60)))
        .build();
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut waiting: Option<(PeerId, Vec<String>)> = None;
    let mut cookie = None;
    let mut pinged: Option<PeerId> = None;
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let Some(line) = line? else { return Ok(()) };
                let words: Vec<String> = line.split_whitespace().map(str::to_string).collect();
                let address: Multiaddr = words[1].parse()?;
                if words[0] == "listen" {
                    swarm.listen_on(address)?;
                    continue;
                }
                let peer = peer_of(&address).ok_or("an address without a peer")?;
                if words[0] == "ping" {
                    pinged = Some(peer);
                    swarm.dial(address)?;
                    continue;
                }
                if swarm.is_connected(&peer) {
                    act(&mut swarm, peer, &words, cookie.clone())?;
                } else {
                    waiting = Some((peer, words));
                    swarm.dial(address)?;
                }
            }
            event = swarm.select_next_some() => match event {
                SwarmEvent::NewListenAddr { address, .. } if !address.iter().any(|part| part == Protocol::P2pCircuit) => {
                    swarm.add_external_address(address.clone());
                    println!("address {address}/p2p/{}", swarm.local_peer_id());
                }
                SwarmEvent::ConnectionEstablished { peer_id, .. } => {
                    if let Some((peer, words)) = waiting.take() {
                        if peer == peer_id {
                            act(&mut swarm, peer, &words, cookie.clone())?;
                        } else {
                            waiting = Some((peer, words));
                        }
                    }
                }
                SwarmEvent::Behaviour(BehaviourEvent::Relayed(
                    relay::client::Event::ReservationReqAccepted { relay_peer_id, .. },
                )) => println!("reserved {relay_peer_id}"),
                SwarmEvent::Behaviour(BehaviourEvent::Upgrades(dcutr::Event { remote_peer_id, result })) => match result {
                    Ok(_) => println!("punched {remote_peer_id}"),
                    Err(error) => println!("unpunched {remote_peer_id} {error}"),
                },
                SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event { peer, result: Ok(_), .. }))
                    if pinged == Some(peer) =>
                {
                    pinged = None;
                    println!("pinged {peer}");
                }
                SwarmEvent::OutgoingConnectionError { error, .. } => println!("failed {error}"),
                SwarmEvent::Behaviour(BehaviourEvent::Client(event)) => match event {
                    rendezvous::client::Event::Registered { ttl, .. } => println!("registered {ttl}"),
                    rendezvous::client::Event::RegisterFailed { error, .. } => println!("refused {error:?}"),
                    rendezvous::client::Event::Discovered { registrations, cookie: told, .. } => {
                        let mut peers: Vec<String> =
                            registrations.iter().map(|one| one.record.peer_id().to_string()).collect();
                        peers.sort();
                        println!("discovered {}", peers.join(" "));
                        cookie = Some(told);
                    }
                    rendezvous::client::Event::DiscoverFailed { error, .. } => println!("refused {error:?}"),
                    _ => {}
                },
                SwarmEvent::Behaviour(BehaviourEvent::Server(
                    rendezvous::server::Event::PeerRegistered { peer, .. },
                )) => println!("served {peer}"),
                _ => {}
            }
        }
    }
}

fn act(
    swarm: &mut libp2p::Swarm<Behaviour>,
    peer: PeerId,
    words: &[String],
    cookie: Option<rendezvous::Cookie>,
) -> Result<(), Box<dyn Error>> {
    let namespace = || rendezvous::Namespace::new(words[2].clone()).map_err(|_| "a namespace that is too long");
    let client = &mut swarm.behaviour_mut().client;
    match words[0].as_str() {
        "register" => client.register(namespace()?, peer, Some(words[3].parse()?))?,
        "unregister" => client.unregister(namespace()?, peer),
        "discover" => {
            let wanted = if words[2] == "*" { None } else { Some(namespace()?) };
            client.discover(wanted, cookie, Some(words[3].parse()?), peer);
        }
        other => return Err(format!("{other} is not known").into()),
    }
    Ok(())
}
