// A js-libp2p node that tests/interop drives: JSON lines in, JSON lines out. It ends when its input does.
//
// Its one argument is {"listen": [multiaddr, ...], "kad": protocol id, "security": "noise" | "tls", "muxer": "yamux" |
// "mplex"}, and what makes it a node that is hard to talk to: "pubsub" ("gossipsub", "floodsub", "none"), "signing"
// ("StrictSign", "StrictNoSign"), "client" (of the DHT, instead of a server), "identify" (false: it has none), "psk"
// (hex), "deny" (every inbound connection, once it is secured), "connections" (at most), "echo" (another protocol id),
// "agent" (another user agent), "relay" ("server": it relays for others, "client": it dials and listens over relays),
// "dcutr" (true: it upgrades relayed connections). It says {"event": "ready", "peer_id", "addresses"} once,
// {"event": "message", "topic", "data", "from", "signed"} for every message it receives, "subscribed"
// for what peers subscribe to, "routed" for peers in its routing table, and answers {"id", "do", ...} with {"id",
// "result"} or {"id", "error"}. Data is base64.

import { createInterface } from 'node:readline'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { dcutr } from '@libp2p/dcutr'
import { floodsub } from '@libp2p/floodsub'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { mplex } from '@libp2p/mplex'
import { ping } from '@libp2p/ping'
import { preSharedKey } from '@libp2p/pnet'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { webSockets } from '@libp2p/websockets'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { CID } from 'multiformats/cid'

const given = JSON.parse(process.argv[2])
const { listen, kad, security, muxer } = given
const ECHO = given.echo ?? '/echo/1.0.0'
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')
const bytes = (text) => new TextEncoder().encode(text)
const base64 = (data) => Buffer.from(data).toString('base64')

const node = await createLibp2p({
  addresses: { listen },
  transports: [tcp(), webSockets(), ...(given.relay === undefined ? [] : [circuitRelayTransport()])],
  connectionEncrypters: [{ noise, tls }[security]()],
  streamMuxers: [{ yamux, mplex }[muxer]()],
  ...(given.agent === undefined ? {} : { nodeInfo: { userAgent: given.agent } }),
  ...(given.psk === undefined ? {} : { connectionProtector: preSharedKey({ psk: swarmKey(given.psk) }) }),
  ...(given.deny === true ? { connectionGater: { denyInboundEncryptedConnection: () => true } } : {}),
  ...(given.connections === undefined ? {} : { connectionManager: { maxConnections: given.connections } }),
  services: {
    ping: ping(),
    ...(given.relay === 'server' ? { relay: circuitRelayServer() } : {}),
    ...(given.dcutr === true ? { dcutr: dcutr() } : {}),
    ...(given.identify === false ? {} : services()) // the others need it
  }
})

function services () {
  return {
    identify: identify(),
    ...pubsubOf(given.pubsub ?? 'gossipsub', given.signing ?? 'StrictSign'),
    dht: kadDHT({
      protocol: kad,
      clientMode: given.client === true, // with addresses of the loopback alone it would never become a server
      peerInfoMapper: passthroughMapper, // others take away what is not reachable from everywhere
      validators: { lab: async () => {} },
      selectors: { lab: () => 0 }
    })
  }
}

function swarmKey (hex) {
  return bytes(`/key/swarm/psk/1.0.0/\n/base16/\n${hex}\n`)
}

function pubsubOf (router, globalSignaturePolicy) {
  if (router === 'none') return {}
  return { pubsub: { gossipsub, floodsub }[router]({ globalSignaturePolicy }) }
}

// Both directions at once, as a reader that waits for the end before it answers would fill up.
await node.handle(ECHO, async (stream) => {
  for await (const chunk of stream) {
    if (!stream.send(chunk)) await stream.onDrain()
  }
  await stream.close()
}, { runOnLimitedConnection: true })

node.services.pubsub?.addEventListener('message', ({ detail }) => {
  const { topic, data, type, from } = detail
  say({ event: 'message', topic, data: base64(data), from: from?.toString(), signed: type === 'signed' })
})

node.services.pubsub?.addEventListener('subscription-change', ({ detail }) => {
  for (const { topic, subscribe } of detail.subscriptions) {
    if (subscribe) say({ event: 'subscribed', peer: detail.peerId.toString(), topic })
  }
})

node.services.dht?.routingTable.addEventListener('peer:add', ({ detail }) => {
  say({ event: 'routed', peer: detail.toString() })
})

async function last (events, name) {
  let found
  for await (const event of events) if (event.name === name) found = event
  return found
}

const verbs = {
  dial: async ({ address }) => (await node.dial(multiaddr(address))).remotePeer.toString(),
  peers: async () => node.getPeers().map(String),
  abort: async () => { for (const connection of node.getConnections()) connection.abort(new Error('aborted')) },
  ping: async ({ address }) => await node.services.ping.ping(multiaddr(address)) / 1000,
  knows: async ({ address }) => {
    const { metadata, protocols } = await node.peerStore.get((await node.dial(multiaddr(address))).remotePeer)
    return { agent_version: new TextDecoder().decode(metadata.get('AgentVersion')), protocols }
  },
  echo: async ({ address, data }) => {
    const stream = await node.dialProtocol(multiaddr(address), ECHO, { runOnLimitedConnection: true })
    const back = (async () => {
      const chunks = []
      for await (const chunk of stream) chunks.push(Buffer.from(chunk.subarray()))
      return Buffer.concat(chunks)
    })()
    const sent = Buffer.from(data, 'base64')
    for (let at = 0; at < sent.length; at += 65536) {
      if (!stream.send(sent.subarray(at, at + 65536))) await stream.onDrain()
    }
    await stream.close()
    return base64(await back)
  },
  subscribe: async ({ topic }) => node.services.pubsub.subscribe(topic),
  publish: async ({ topic, data }) => {
    const { recipients } = await node.services.pubsub.publish(topic, Buffer.from(data, 'base64'))
    return recipients.map(String)
  },
  put: async ({ key, value }) => {
    await last(node.services.dht.put(bytes(key), Buffer.from(value, 'base64')))
  },
  get: async ({ key }) => {
    const found = await last(node.services.dht.get(bytes(key)), 'VALUE')
    return found === undefined ? null : base64(found.value)
  },
  provide: async ({ cid }) => {
    await last(node.services.dht.provide(CID.parse(cid)))
  },
  providers: async ({ cid }) => {
    const found = new Set()
    for await (const event of node.services.dht.findProviders(CID.parse(cid))) {
      if (event.name === 'PROVIDER') for (const { id } of event.providers) found.add(id.toString())
    }
    return [...found]
  }
}

say({ event: 'ready', peer_id: node.peerId.toString(), addresses: node.getMultiaddrs().map(String) })
const input = createInterface({ input: process.stdin })
input.on('line', async (line) => {
  const { id, do: verb, ...given } = JSON.parse(line)
  try {
    say({ id, result: await verbs[verb](given) ?? null })
  } catch (error) {
    say({ id, error: `${error.name}: ${error.message}` })
  }
})
input.on('close', () => process.exit(0))
