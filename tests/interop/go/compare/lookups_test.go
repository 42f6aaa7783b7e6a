package compare

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	dht "github.com/libp2p/go-libp2p-kad-dht"
	kb "github.com/libp2p/go-libp2p-kbucket"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/routing"
	"github.com/libp2p/go-libp2p/x/simlibp2p"
	"github.com/marcopolo/simnet"
)

// Lookups is one run of go-libp2p-kad-dht: all nodes are servers that know each other, as after hours of life; then the
// last so many are gone, and the first ones look for keys, one after the other.
type Lookups struct {
	Nodes   int      `json:"nodes"`
	Gone    int      `json:"gone"`
	Latency [][]int  `json:"latency"` // milliseconds
	Keys    []string `json:"keys"`
}

// Lookup is what one of them gave.
type Lookup struct {
	Queries int     `json:"queries"` // peers that answered
	Asked   int     `json:"asked"`   // peers a query was sent to: at its end a lookup sends one to whoever has not answered yet, gone or not
	Hops    int     `json:"hops"`    // referrals up to the closest peer that answered; its own table's peers have 1
	Recall  float64 `json:"recall"`  // of the 20 closest that are there, among the 20 closest that answered
	Listed  float64 `json:"listed"`  // the same, among the 20 that GetClosestPeers returns
	Seconds float64 `json:"seconds"`
}

// TestLookups reads LOOKUPS (a JSON list) and writes RESULTS (a list of lists).
func TestLookups(t *testing.T) {
	if os.Getenv("LOOKUPS") == "" {
		t.Skip("LOOKUPS names no file")
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	raw, err := os.ReadFile(os.Getenv("LOOKUPS"))
	if err != nil {
		t.Fatal(err)
	}
	var asked []Lookups
	if err := json.Unmarshal(raw, &asked); err != nil {
		t.Fatal(err)
	}
	results := make([][]*Lookup, len(asked))
	for at := range asked {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { results[at] = lookups(t, &asked[at]) })
		})
	}
	written, err := json.Marshal(results)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(os.Getenv("RESULTS"), written, 0o600); err != nil {
		t.Fatal(err)
	}
}

func lookups(t *testing.T, s *Lookups) []*Lookup {
	index := map[string]int{}
	for at := 0; at < s.Nodes; at++ {
		index[simnet.IntToPublicIPv4(at).String()] = at
	}
	latency := func(packet *simnet.Packet) time.Duration {
		from := index[packet.From.(*net.UDPAddr).IP.String()]
		to := index[packet.To.(*net.UDPAddr).IP.String()]
		return time.Duration(s.Latency[from][to]) * time.Millisecond
	}
	fast := simnet.LinkSettings{BitsPerSecond: 10_000 * simlibp2p.OneMbps}
	links := simnet.NodeBiDiLinkSettings{Downlink: fast, Uplink: fast}
	nw, meta, err := simlibp2p.SimpleLibp2pNetwork(
		[]simlibp2p.NodeLinkSettingsAndCount{{LinkSettings: links, Count: s.Nodes}}, latency,
		simlibp2p.NetworkSettings{UseBlankHost: true})
	if err != nil {
		t.Fatal(err)
	}
	nw.Start()
	nodes := make([]*dht.IpfsDHT, s.Nodes)
	for at, host := range meta.Nodes {
		nodes[at], err = dht.New(host, dht.Mode(dht.ModeServer), dht.ProtocolPrefix("/lab"), dht.DisableAutoRefresh())
		if err != nil {
			t.Fatal(err)
		}
	}
	for at, node := range nodes {
		table := node.RoutingTable()
		for step := 1; step < s.Nodes; step++ { // each begins elsewhere, so that full buckets differ
			other := meta.Nodes[(at+step)%s.Nodes]
			if _, err := table.TryAddPeer(other.ID(), true, false); err != nil {
				continue // its bucket is full
			}
			meta.Nodes[at].Peerstore().AddAddrs(other.ID(), other.Addrs(), peerstore.PermanentAddrTTL)
		}
	}
	left := s.Nodes - s.Gone
	for at := left; at < s.Nodes; at++ {
		nodes[at].Close()
		meta.Nodes[at].Close()
	}
	time.Sleep(time.Second)
	there := make([]peer.ID, left)
	for at := range there {
		there[at] = meta.Nodes[at].ID()
	}
	results := make([]*Lookup, len(s.Keys))
	for number, key := range s.Keys {
		results[number] = lookup(t, nodes[number%left], there, key)
	}
	for at := 0; at < left; at++ {
		nodes[at].Close()
		meta.Nodes[at].Close()
	}
	nw.Close()
	time.Sleep(time.Minute)
	return results
}

func lookup(t *testing.T, node *dht.IpfsDHT, there []peer.ID, key string) *Lookup {
	result := &Lookup{}
	ctx, cancel := context.WithCancel(context.Background())
	ctx, events := routing.RegisterForQueryEvents(ctx)
	hops := map[peer.ID]int{}
	sent := map[peer.ID]bool{}
	answered := []peer.ID{}
	heard := map[peer.ID]bool{} // from whom an answer came
	over := make(chan struct{})
	go func() {
		defer close(over)
		for event := range events {
			switch event.Type {
			case routing.SendingQuery:
				sent[event.ID] = true
				if _, known := hops[event.ID]; !known {
					hops[event.ID] = 1
				}
			case routing.PeerResponse:
				if !heard[event.ID] {
					heard[event.ID] = true
					answered = append(answered, event.ID)
				}
				for _, one := range event.Responses {
					if _, known := hops[one.ID]; !known {
						hops[one.ID] = hops[event.ID] + 1
					}
				}
			}
		}
	}()
	began := time.Now()
	found, err := node.GetClosestPeers(ctx, key)
	result.Seconds = time.Since(began).Seconds()
	if err != nil {
		t.Error(err)
	}
	cancel()
	<-over
	result.Queries = len(answered)
	result.Asked = len(sent)
	target := kb.ConvertKey(key)
	ordered := kb.SortClosestPeers(answered, target)
	if len(ordered) > 0 {
		result.Hops = hops[ordered[0]]
	}
	true20 := map[peer.ID]bool{}
	others := []peer.ID{}
	for _, one := range there {
		if one != node.Host().ID() {
			others = append(others, one)
		}
	}
	for _, one := range kb.SortClosestPeers(others, target)[:20] {
		true20[one] = true
	}
	result.Recall = share(ordered[:min(20, len(ordered))], true20)
	result.Listed = share(found, true20)
	return result
}

// share says how many of the wanted are among these.
func share(these []peer.ID, wanted map[peer.ID]bool) float64 {
	many := 0
	for _, one := range these {
		if wanted[one] {
			many++
		}
	}
	return float64(many) / float64(len(wanted))
}
