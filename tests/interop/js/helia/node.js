// A node with helia's Bitswap that tests/interop drives: JSON lines in, JSON lines out, as ../node.js says. It has raw
// blocks of its own ("put") and files ("add"), gets others' ("get", "cat"), and finds no providers: it asks those it is
// connected to.

import { createInterface } from 'node:readline'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryBlockstore } from 'blockstore-core'
import { exporter } from 'ipfs-unixfs-exporter'
import { importBytes } from 'ipfs-unixfs-importer'
import { createLibp2p } from 'libp2p'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { Bitswap } from './node_modules/@helia/bitswap/dist/src/bitswap.js' // the package itself exports no part alone

const { listen } = JSON.parse(process.argv[2])
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')

const node = await createLibp2p({
  addresses: { listen },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: { identify: identify() }
})
const blockstore = new MemoryBlockstore()
const bitswap = new Bitswap({
  libp2p: node,
  blockstore,
  logger: node.logger,
  routing: { async * findProviders () {}, async * getClosestPeers () {} },
  getHasher: async () => sha256
})
await bitswap.start()

// What importer and exporter read and write: a block that is not here is wanted of others, one that is new is told.
const session = {
  async * get (cid) {
    yield (await blockstore.has(cid)) ? await whole(blockstore.get(cid)) : await bitswap.want(cid, { signal: AbortSignal.timeout(15000) })
  },
  async put (cid, block) {
    await blockstore.put(cid, block)
    await bitswap.notify(cid)
    return cid
  }
}

async function whole (pieces) {
  if (pieces instanceof Uint8Array || pieces instanceof Promise) return await pieces
  const parts = []
  for await (const piece of pieces) parts.push(piece)
  return Buffer.concat(parts)
}

const verbs = {
  connect: async ({ address }) => { await node.dial(multiaddr(address)) },
  put: async ({ data }) => {
    const block = Buffer.from(data, 'base64')
    const cid = CID.createV1(raw.code, await sha256.digest(block))
    await blockstore.put(cid, block)
    await bitswap.notify(cid)
    return cid.toString()
  },
  get: async ({ cid }) => {
    const block = await bitswap.want(CID.parse(cid), { signal: AbortSignal.timeout(15000) })
    return Buffer.from(block).toString('base64')
  },
  add: async ({ data }) => (await importBytes(Buffer.from(data, 'base64'), session)).cid.toString(),
  cat: async ({ cid }) => {
    const entry = await exporter(CID.parse(cid), session)
    return (await whole(entry.content())).toString('base64')
  },
  wantlist: async () => bitswap.getWantlist().length
}

say({ event: 'ready', peer_id: node.peerId.toString(), addresses: node.getMultiaddrs().map(String) })
createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, do: verb, ...given } = JSON.parse(line)
  try {
    say({ id, result: await verbs[verb](given) ?? null })
  } catch (error) {
    say({ id, error: String(error?.stack ?? error) })
  }
}).on('close', () => process.exit(0))
