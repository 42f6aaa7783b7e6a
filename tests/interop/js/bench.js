// What tests/bench measures of js-libp2p alone, in one process: prints one line of JSON, times in seconds.
// Its one argument is {"rounds", "size", "nodes", "messages", "settle"}.

import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'

const ECHO = '/echo/1'
const { rounds, size, nodes, messages, settle } = JSON.parse(process.argv[2])
const now = () => performance.now() / 1e3
const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1e3))
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]

async function timed (action) {
  const began = now()
  await action()
  return now() - began
}

async function start () {
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: 1000 }, // all of them have one address
    services: { identify: identify(), ping: ping(), pubsub: gossipsub({ emitSelf: true }) }
  })
  await node.handle(ECHO, async (stream) => {
    for await (const chunk of stream) {
      if (!stream.send(chunk)) await stream.onDrain()
    }
    await stream.close()
  })
  return node
}

async function echo (node, other) {
  const stream = await node.dialProtocol(other.getMultiaddrs(), ECHO)
  const sent = (async () => {
    for (let left = size; left > 0; left -= 65536) {
      if (!stream.send(new Uint8Array(Math.min(left, 65536)))) await stream.onDrain()
    }
  })()
  let got = 0
  for await (const chunk of stream) {
    got += chunk.byteLength
    if (got >= size) break
  }
  await sent
  await stream.close()
}

async function each (count, action) {
  const times = []
  for (let number = 0; number < count; number++) times.push(await timed(() => action(number)))
  return median(times)
}

const found = {}
const began = now()
const made = []
for (let number = 0; number <= rounds; number++) made.push(await start())
found['start of a node'] = (now() - began) / made.length
const [first, second] = made
found.connect = await each(rounds, (number) => first.dial(made[number + 1].getMultiaddrs()))
found.ping = await each(5 * rounds, () => first.services.ping.ping(second.peerId))
found['echo, MB/s'] = size / 1e6 / await each(5, () => echo(first, second))

const group = []
for (let number = 0; number < nodes; number++) group.push(await start())
made.push(...group)
for (const [number, node] of group.entries()) {
  for (const step of [1, 3]) await node.dial(group[(number + step) % nodes].getMultiaddrs())
}
let left = 0
let arrived = () => {}
for (const node of group) {
  node.services.pubsub.addEventListener('message', () => { if (--left === 0) arrived() })
  node.services.pubsub.subscribe('news')
}
await wait(settle)
found.gossip = await each(messages, async (number) => {
  left = nodes
  const all = new Promise((resolve) => { arrived = resolve })
  await group[number % nodes].services.pubsub.publish('news', new Uint8Array(100))
  await Promise.race([all, wait(3)])
})
console.log(JSON.stringify(found))
await Promise.all(made.map((node) => node.stop()))
process.exit(0)
