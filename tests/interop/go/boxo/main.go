// A node with boxo's Bitswap that tests/interop drives: JSON lines in, JSON lines out, as js/node.js says. It ends when
// its input does.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/ipfs/boxo/bitswap"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/blockstore"
	chunker "github.com/ipfs/boxo/chunker"
	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs/importer"
	uio "github.com/ipfs/boxo/ipld/unixfs/io"
	"github.com/ipfs/go-cid"
	ds "github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/multiformats/go-multiaddr"
)

const patience = 20 * time.Second

type request struct {
	Id      int    `json:"id"`
	Do      string `json:"do"`
	Address string `json:"address"`
	Cid     string `json:"cid"`
	Data    []byte `json:"data"`
}

type node struct {
	host    host.Host
	store   blockstore.Blockstore
	bitswap *bitswap.Bitswap
}

func say(line any) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

func (n *node) do(asked request) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	switch asked.Do {
	case "connect":
		address, err := multiaddr.NewMultiaddr(asked.Address)
		if err != nil {
			return nil, err
		}
		info, err := peer.AddrInfoFromP2pAddr(address)
		if err != nil {
			return nil, err
		}
		return nil, n.host.Connect(ctx, *info)
	case "add": // a file, as kubo adds it: chunks of 256 KiB, CIDv0
		dag := merkledag.NewDAGService(blockservice.New(n.store, n.bitswap))
		added, err := importer.BuildDagFromReader(dag, chunker.NewSizeSplitter(bytes.NewReader(asked.Data), 256<<10))
		if err != nil {
			return nil, err
		}
		return added.Cid().String(), nil
	case "cat":
		wanted, err := cid.Decode(asked.Cid)
		if err != nil {
			return nil, err
		}
		dag := merkledag.NewSession(ctx, merkledag.NewDAGService(blockservice.New(n.store, n.bitswap)))
		root, err := dag.Get(ctx, wanted)
		if err != nil {
			return nil, err
		}
		began := time.Now()
		reader, err := uio.NewDagReader(ctx, root, dag)
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(reader)
		if err != nil {
			return nil, err
		}
		return map[string]any{"data": base64.StdEncoding.EncodeToString(data), "seconds": time.Since(began).Seconds()}, nil
	case "stat":
		stat, err := n.bitswap.Stat()
		if err != nil {
			return nil, err
		}
		return map[string]any{
			"sent": stat.BlocksSent, "received": stat.BlocksReceived, "duplicates": stat.DupBlksReceived,
			"wantlist": len(stat.Wantlist),
		}, nil
	}
	return nil, fmt.Errorf("there is no verb %q", asked.Do)
}

func main() {
	var config struct {
		Listen []string `json:"listen"`
	}
	if err := json.Unmarshal([]byte(os.Args[1]), &config); err != nil {
		panic(err)
	}
	made, err := libp2p.New(libp2p.ListenAddrStrings(config.Listen...), libp2p.Security(noise.ID, noise.New))
	if err != nil {
		panic(err)
	}
	store := blockstore.NewBlockstore(dssync.MutexWrap(ds.NewMapDatastore()))
	one := &node{made, store, bitswap.New(context.Background(), bsnet.NewFromIpfsHost(made), nil, store)}
	addresses := []string{}
	for _, address := range made.Addrs() {
		addresses = append(addresses, fmt.Sprintf("%s/p2p/%s", address, made.ID()))
	}
	say(map[string]any{"event": "ready", "peer_id": made.ID().String(), "addresses": addresses})
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var asked request
		if err := json.Unmarshal(line, &asked); err != nil {
			panic(err)
		}
		go func() {
			result, err := one.do(asked)
			if err != nil {
				say(map[string]any{"id": asked.Id, "error": err.Error()})
				return
			}
			say(map[string]any{"id": asked.Id, "result": result})
		}()
	}
}
