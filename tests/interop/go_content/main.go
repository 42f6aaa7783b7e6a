// A node with go-graphsync and go-car that tests/interop drives: JSON lines in, JSON lines out, as js/node.js says. It
// ends when its input does. It is a module of its own, so that what else is built in Go does not wait for it.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/blockstore"
	chunker "github.com/ipfs/boxo/chunker"
	"github.com/ipfs/boxo/exchange/offline"
	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs/importer"
	uio "github.com/ipfs/boxo/ipld/unixfs/io"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	ds "github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	graphsync "github.com/ipfs/go-graphsync"
	"github.com/ipfs/go-graphsync/cidset"
	gsimpl "github.com/ipfs/go-graphsync/impl"
	gsnet "github.com/ipfs/go-graphsync/network"
	"github.com/ipfs/go-graphsync/storeutil"
	carv2 "github.com/ipld/go-car/v2"
	carstore "github.com/ipld/go-car/v2/blockstore"
	"github.com/ipld/go-ipld-prime"
	_ "github.com/ipld/go-ipld-prime/codec/dagcbor"
	"github.com/ipld/go-ipld-prime/codec/dagjson"
	_ "github.com/ipld/go-ipld-prime/codec/raw"
	_ "github.com/ipld/go-codec-dagpb"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/multiformats/go-multiaddr"
)

const patience = 25 * time.Second

type request struct {
	Id       int             `json:"id"`
	Do       string          `json:"do"`
	Address  string          `json:"address"`
	Peer     string          `json:"peer"`
	Cid      string          `json:"cid"`
	Cids     []string        `json:"cids"`
	Path     string          `json:"path"`
	Selector json.RawMessage `json:"selector"`
	Data     []byte          `json:"data"`
	Codec    uint64          `json:"codec"`
	After    int             `json:"after"`
	Version  int             `json:"version"`
}

type node struct {
	host  host.Host
	store blockstore.Blockstore
	sync  graphsync.GraphExchange
}

func say(line any) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

// Ask for what a selector says; with `after`, cancel when so many blocks came.
func (n *node) fetch(ctx context.Context, asked request) (any, error) {
	from, err := peer.Decode(asked.Peer)
	if err != nil {
		return nil, err
	}
	root, err := cid.Decode(asked.Cid)
	if err != nil {
		return nil, err
	}
	selector, err := ipld.Decode(asked.Selector, dagjson.Decode)
	if err != nil {
		return nil, err
	}
	var extensions []graphsync.ExtensionData
	if len(asked.Cids) > 0 {
		set := cid.NewSet()
		for _, text := range asked.Cids {
			one, err := cid.Decode(text)
			if err != nil {
				return nil, err
			}
			set.Add(one)
		}
		extensions = append(extensions, graphsync.ExtensionData{
			Name: graphsync.ExtensionDoNotSendCIDs, Data: cidset.EncodeCidSet(set),
		})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	nodes, blocks, remote := 0, 0, 0
	forget := n.sync.RegisterIncomingBlockHook(
		func(_ peer.ID, _ graphsync.ResponseData, block graphsync.BlockData, _ graphsync.IncomingBlockHookActions) {
			blocks++
			if block.BlockSizeOnWire() > 0 {
				remote++
			}
		})
	defer forget()
	progress, failures := n.sync.Request(ctx, from, cidlink.Link{Cid: root}, selector, extensions...)
	said := []string{}
	for progress != nil || failures != nil {
		select {
		case _, ok := <-progress:
			if !ok {
				progress = nil
				continue
			}
			nodes++
			if asked.After > 0 && blocks >= asked.After {
				cancel()
			}
		case err, ok := <-failures:
			if !ok {
				failures = nil
				continue
			}
			said = append(said, err.Error())
		}
	}
	return map[string]any{"nodes": nodes, "blocks": blocks, "remote": remote, "errors": said}, nil
}

// Write all blocks below a root into a CAR, of version 1 or 2 (with an index).
func (n *node) write(ctx context.Context, asked request) (any, error) {
	root, err := cid.Decode(asked.Cid)
	if err != nil {
		return nil, err
	}
	options := []carv2.Option{}
	if asked.Version == 1 {
		options = append(options, carstore.WriteAsCarV1(true))
	}
	car, err := carstore.OpenReadWrite(asked.Path, []cid.Cid{root}, options...)
	if err != nil {
		return nil, err
	}
	service := merkledag.NewDAGService(blockservice.New(n.store, offline.Exchange(n.store)))
	count := 0
	err = merkledag.Walk(ctx, merkledag.GetLinksDirect(service), root, func(found cid.Cid) bool {
		has, _ := car.Has(ctx, found)
		if has {
			return false
		}
		block, err := n.store.Get(ctx, found)
		if err != nil {
			return false
		}
		count++
		return car.Put(ctx, block) == nil
	})
	if err != nil {
		return nil, err
	}
	return count, car.Finalize()
}

// Read a CAR, each block checked against its CID; its index, where it has one, has to lead to each.
func (n *node) read(ctx context.Context, asked request) (any, error) {
	file, err := os.Open(asked.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader, err := carv2.NewBlockReader(file)
	if err != nil {
		return nil, err
	}
	roots := []string{}
	for _, root := range reader.Roots {
		roots = append(roots, root.String())
	}
	found := []cid.Cid{}
	for {
		block, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		found = append(found, block.Cid())
		if err := n.store.Put(ctx, block); err != nil {
			return nil, err
		}
	}
	whole, err := carv2.OpenReader(asked.Path)
	if err != nil {
		return nil, err
	}
	defer whole.Close()
	stats, err := whole.Inspect(true)
	if err != nil {
		return nil, err
	}
	indexed := 0
	if whole.Header.HasIndex() {
		by, err := carstore.OpenReadOnly(asked.Path)
		if err != nil {
			return nil, err
		}
		defer by.Close()
		for _, one := range found {
			block, err := by.Get(ctx, one)
			if err != nil {
				return nil, fmt.Errorf("by the index: %w", err)
			}
			if block.Cid().Equals(one) {
				indexed++
			}
		}
	}
	return map[string]any{
		"version": reader.Version, "roots": roots, "blocks": len(found), "indexed": indexed,
		"index": stats.IndexCodec.String(),
	}, nil
}

func (n *node) do(asked request) (any, error) {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
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
	case "put":
		prefix := cid.Prefix{Version: 1, Codec: asked.Codec, MhType: 0x12, MhLength: -1}
		found, err := prefix.Sum(asked.Data)
		if err != nil {
			return nil, err
		}
		block, err := blocks.NewBlockWithCid(asked.Data, found)
		if err != nil {
			return nil, err
		}
		return found.String(), n.store.Put(ctx, block)
	case "add": // a file in chunks of 256 KiB, CIDv0
		dag := merkledag.NewDAGService(blockservice.New(n.store, offline.Exchange(n.store)))
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
		dag := merkledag.NewDAGService(blockservice.New(n.store, offline.Exchange(n.store)))
		root, err := dag.Get(ctx, wanted)
		if err != nil {
			return nil, err
		}
		reader, err := uio.NewDagReader(ctx, root, dag)
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(reader)
		if err != nil {
			return nil, err
		}
		return base64.StdEncoding.EncodeToString(data), nil
	case "has":
		wanted, err := cid.Decode(asked.Cid)
		if err != nil {
			return nil, err
		}
		return n.store.Has(ctx, wanted)
	case "delete":
		wanted, err := cid.Decode(asked.Cid)
		if err != nil {
			return nil, err
		}
		return nil, n.store.DeleteBlock(ctx, wanted)
	case "fetch":
		return n.fetch(ctx, asked)
	case "write_car":
		return n.write(ctx, asked)
	case "read_car":
		return n.read(ctx, asked)
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
	exchange := gsimpl.New(context.Background(), gsnet.NewFromLibp2pHost(made), storeutil.LinkSystemForBlockstore(store))
	one := &node{made, store, exchange}
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
