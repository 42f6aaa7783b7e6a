// Asks a server by helia's client of delegated routing, and prints what it gave as one line of JSON.
// Arguments: the server's URL, a CID, a peer id (as a CID), an IPNS name (as a CID), a record in hex.
import { delegatedRoutingV1HttpApiClient } from "@helia/delegated-routing-v1-http-api-client"
import { defaultLogger } from "@libp2p/logger"
import { CID } from "multiformats/cid"

const [url, cid, peer, name, record] = process.argv.slice(2)
const client = delegatedRoutingV1HttpApiClient({ url, cacheTTL: 0 })({ logger: defaultLogger() })
await client.start?.()

const all = async (found) => {
  const rows = []
  for await (const one of found) {
    rows.push({ id: one.ID.toString(), addrs: one.Addrs.map(String), protocols: one.Protocols ?? [] })
  }
  return rows
}

const said = {}
said.providers = await all(client.getProviders(CID.parse(cid)))
said.filtered = await all(client.getProviders(CID.parse(cid), { filterAddrs: ["webtransport"] }))
said.peers = await all(client.getPeers(CID.parse(peer)))
said.closest = await all(client.getClosestPeers(CID.parse(cid)))
await client.putIPNS(CID.parse(name), Buffer.from(record, "hex"))
said.record = Buffer.from(await client.getIPNS(CID.parse(name))).toString("hex")
await client.stop?.()
console.log(JSON.stringify(said))
