// A js-libp2p node for lesson 12. Change what you like, and start it again.
//
// It prints "listening on ADDRESS", and a line for all that it hears. It ends when its input does.

import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'

const text = (bytes) => new TextDecoder().decode(bytes)
const bytes = (words) => new TextEncoder().encode(words)

const node = await createLibp2p({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: { identify: identify(), ping: ping(), pubsub: gossipsub() }
})

// A protocol of its own: one name comes, one greeting goes back.
await node.handle('/greet/1.0.0', async (stream) => {
  let name = ''
  for await (const chunk of stream) name += text(chunk.subarray())
  stream.send(bytes(`hello ${name}, here is js-libp2p`))
  await stream.close()
})

// A topic: it answers who asks for it.
const pubsub = node.services.pubsub
pubsub.addEventListener('message', async ({ detail }) => {
  const said = text(detail.data)
  console.log(`heard on ${detail.topic}: ${said}`)
  if (detail.topic === 'news' && said === 'roll call') await pubsub.publish('news', bytes('js-libp2p is here'))
})
pubsub.subscribe('news')

console.log(`listening on ${node.getMultiaddrs()[0]}`)
process.stdin.resume()
process.stdin.on('close', () => process.exit(0))
