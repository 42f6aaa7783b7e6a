// Package compare runs scenarios on go-libp2p-pubsub in a simulated network (simnet) and simulated time (synctest), so
// that p2plab's mock can be held beside it: see ../../compare.py, which writes the scenarios and reads the results.
package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sort"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/x/simlibp2p"
	"github.com/marcopolo/simnet"
)

// Scenario is one run: nodes, who dials whom, latencies in milliseconds by pair, when which node's heartbeat comes.
type Scenario struct {
	Nodes     int       `json:"nodes"`
	Edges     [][2]int  `json:"edges"`
	Latency   [][]int   `json:"latency"`
	Publish   []int     `json:"publish"`  // who publishes, one message after the other
	Interval  float64   `json:"interval"` // seconds between two messages
	Size      int       `json:"size"`     // bytes
	Start     float64   `json:"start"`    // seconds before the first message
	Rate      int       `json:"rate"`     // bits a second, up and down; 0: no limit
	Flood     bool      `json:"flood"`
	Protocol  string    `json:"protocol"`  // the newest that is spoken
	Heartbeat []float64 `json:"heartbeat"` // seconds after the start, by node
	Attackers int       `json:"attackers"` // of the nodes, the last so many publish what the others reject; these score
}

// Result is what one run gave.
type Result struct {
	Latencies []float64      `json:"latencies"` // milliseconds, of every delivery
	Wanted    int            `json:"wanted"`
	Counts    map[string]int `json:"counts"` // from the first message on
	Meshes    []int          `json:"meshes"`
	Attackers float64        `json:"attackers"` // in an honest node's mesh at the end
	Score     float64        `json:"score"`     // of an attacker at an honest peer at the end
}

type tracer struct {
	mu     sync.Mutex
	self   peer.ID
	counts map[string]int
	mesh   map[peer.ID]bool
	got    map[string]time.Time
	scores map[peer.ID]float64
}

func (t *tracer) add(what string, count int) { t.counts[what] += count }

func (t *tracer) locked(action func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	action()
}

func (t *tracer) OnNewOutboundStream(peer.ID, protocol.ID)             {}
func (t *tracer) OnClosedOutboundStream(p peer.ID)                     { t.locked(func() { delete(t.mesh, p) }) }
func (t *tracer) Join(string)                                          {}
func (t *tracer) Leave(string)                                         {}
func (t *tracer) Graft(p peer.ID, _ string)                            { t.locked(func() { t.mesh[p] = true }) }
func (t *tracer) Prune(p peer.ID, _ string)                            { t.locked(func() { delete(t.mesh, p) }) }
func (t *tracer) ValidateMessage(*pubsub.Message)                      {}
func (t *tracer) RejectMessage(*pubsub.Message, string)                { t.locked(func() { t.add("rejected", 1) }) }
func (t *tracer) DuplicateMessage(*pubsub.Message)                     { t.locked(func() { t.add("duplicates", 1) }) }
func (t *tracer) ThrottlePeer(peer.ID)                                 {}
func (t *tracer) RecvRPC(*pubsub.RPC)                                  {}
func (t *tracer) SendRPCCompleted(*pubsub.RPC, peer.ID, time.Duration) {}
func (t *tracer) DropRPC(*pubsub.RPC, peer.ID)                         { t.locked(func() { t.add("dropped", 1) }) }
func (t *tracer) UndeliverableMessage(*pubsub.Message)                 { t.locked(func() { t.add("dropped", 1) }) }

func (t *tracer) DeliverMessage(message *pubsub.Message) {
	if message.ReceivedFrom == t.self {
		return
	}
	t.locked(func() { t.got[string(bytes.TrimRight(message.GetData()[:12], "\x00"))] = time.Now() })
}

func (t *tracer) SendRPC(rpc *pubsub.RPC, _ peer.ID) {
	t.locked(func() {
		t.add("copies", len(rpc.GetPublish()))
		control := rpc.GetControl()
		t.add("IHAVE", len(control.GetIhave()))
		t.add("IWANT", len(control.GetIwant()))
		t.add("IDONTWANT", len(control.GetIdontwant()))
		t.add("GRAFT", len(control.GetGraft()))
		t.add("PRUNE", len(control.GetPrune()))
	})
}

// TestScenarios reads SCENARIOS (a JSON list) and writes RESULTS (the same).
func TestScenarios(t *testing.T) {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	raw, err := os.ReadFile(os.Getenv("SCENARIOS"))
	if err != nil {
		t.Fatal(err)
	}
	var scenarios []Scenario
	if err := json.Unmarshal(raw, &scenarios); err != nil {
		t.Fatal(err)
	}
	results := make([]*Result, len(scenarios))
	for at := range scenarios {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { results[at] = run(t, &scenarios[at]) })
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

func protocols(newest string) []protocol.ID {
	for at, one := range pubsub.GossipSubDefaultProtocols {
		if string(one) == newest {
			return pubsub.GossipSubDefaultProtocols[at:]
		}
	}
	return pubsub.GossipSubDefaultProtocols
}

// scored is how nodes rate their peers where there are attackers; compare.py has the same parameters.
func scored(t *tracer) []pubsub.Option {
	topic := &pubsub.TopicScoreParams{
		TopicWeight: 1, TimeInMeshWeight: 0.01, TimeInMeshQuantum: time.Second, TimeInMeshCap: 100,
		FirstMessageDeliveriesWeight: 1, FirstMessageDeliveriesDecay: 0.9, FirstMessageDeliveriesCap: 10,
		InvalidMessageDeliveriesWeight: -10, InvalidMessageDeliveriesDecay: 0.99,
	}
	params := &pubsub.PeerScoreParams{
		Topics: map[string]*pubsub.TopicScoreParams{"news": topic}, AppSpecificScore: func(peer.ID) float64 { return 0 },
		AppSpecificWeight: 1, BehaviourPenaltyWeight: -1, BehaviourPenaltyThreshold: 6, BehaviourPenaltyDecay: 0.9,
		DecayInterval: time.Second, DecayToZero: 0.01, RetainScore: time.Hour,
	}
	thresholds := &pubsub.PeerScoreThresholds{GossipThreshold: -50, PublishThreshold: -100, GraylistThreshold: -200}
	inspect := func(scores map[peer.ID]float64) { t.locked(func() { t.scores = scores }) }
	return []pubsub.Option{pubsub.WithPeerScore(params, thresholds), pubsub.WithPeerScoreInspect(inspect, time.Second)}
}

func honest(_ context.Context, _ peer.ID, message *pubsub.Message) pubsub.ValidationResult {
	if bytes.HasPrefix(message.GetData(), []byte("bad")) {
		return pubsub.ValidationReject
	}
	return pubsub.ValidationAccept
}

func network(t *testing.T, s *Scenario) ([]*tracer, []*pubsub.Topic, func()) {
	rate := s.Rate
	if rate == 0 {
		rate = 10_000 * simlibp2p.OneMbps
	}
	index := map[string]int{}
	for at := 0; at < s.Nodes; at++ {
		index[simnet.IntToPublicIPv4(at).String()] = at
	}
	latency := func(packet *simnet.Packet) time.Duration {
		from := index[packet.From.(*net.UDPAddr).IP.String()]
		to := index[packet.To.(*net.UDPAddr).IP.String()]
		return time.Duration(s.Latency[from][to]) * time.Millisecond
	}
	both := simnet.LinkSettings{BitsPerSecond: rate}
	links := simnet.NodeBiDiLinkSettings{Downlink: both, Uplink: both}
	nw, meta, err := simlibp2p.SimpleLibp2pNetwork(
		[]simlibp2p.NodeLinkSettingsAndCount{{LinkSettings: links, Count: s.Nodes}}, latency,
		simlibp2p.NetworkSettings{UseBlankHost: true})
	if err != nil {
		t.Fatal(err)
	}
	nw.Start()
	synctest.Wait() // until identify listens for new protocols, or it may not tell peers of pubsub's
	ctx, cancel := context.WithCancel(context.Background())
	tracers := make([]*tracer, s.Nodes)
	topics := make([]*pubsub.Topic, s.Nodes)
	for at, host := range meta.Nodes {
		tracers[at] = &tracer{self: host.ID(), counts: map[string]int{}, mesh: map[peer.ID]bool{}, got: map[string]time.Time{}}
		params := pubsub.DefaultGossipSubParams()
		params.HeartbeatInitialDelay = time.Duration(s.Heartbeat[at] * float64(time.Second))
		attacker := at >= s.Nodes-s.Attackers
		options := []pubsub.Option{
			pubsub.WithRawTracer(tracers[at]), pubsub.WithGossipSubParams(params), pubsub.WithFloodPublish(s.Flood || attacker),
			pubsub.WithGossipSubProtocols(protocols(s.Protocol), pubsub.GossipSubDefaultFeatures),
			pubsub.WithPeerOutboundQueueSize(600), pubsub.WithValidateQueueSize(600),
		}
		if s.Attackers > 0 && !attacker {
			options = append(options, scored(tracers[at])...)
		}
		router, err := pubsub.NewGossipSub(ctx, host, options...)
		if err != nil {
			t.Fatal(err)
		}
		if s.Attackers > 0 && !attacker {
			if err = router.RegisterTopicValidator("news", honest, pubsub.WithValidatorInline(true)); err != nil {
				t.Fatal(err)
			}
		}
		if topics[at], err = router.Join("news"); err != nil {
			t.Fatal(err)
		}
		subscription, err := topics[at].Subscribe(pubsub.WithBufferSize(1000))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				if _, err := subscription.Next(ctx); err != nil {
					return
				}
			}
		}()
	}
	synctest.Wait() // until all routers listen for new connections, or the last ones may miss their first
	var dialling sync.WaitGroup
	for at := range meta.Nodes {
		dialling.Go(func() {
			for _, edge := range s.Edges {
				if edge[0] == at {
					other := meta.Nodes[edge[1]]
					if err := meta.Nodes[at].Connect(ctx, peer.AddrInfo{ID: other.ID(), Addrs: other.Addrs()}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	dialling.Wait()
	return tracers, topics, func() {
		cancel()
		for _, host := range meta.Nodes {
			host.Close()
		}
		nw.Close()
		time.Sleep(5 * time.Second)
	}
}

func run(t *testing.T, s *Scenario) *Result {
	began := time.Now()
	tracers, topics, end := network(t, s)
	defer end()
	time.Sleep(time.Duration(s.Start*float64(time.Second)) - time.Since(began))
	checkSubscribers(t, s, topics)
	before := total(tracers[:s.Nodes-s.Attackers])
	published := map[string]time.Time{}
	for number, who := range s.Publish {
		name := fmt.Sprintf("m%06d", number)
		data := make([]byte, s.Size)
		copy(data, name)
		published[name] = time.Now()
		if err := topics[who].Publish(context.Background(), data); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Duration(s.Interval * float64(time.Second) / 2))
		for at := s.Nodes - s.Attackers; at < s.Nodes; at++ {
			bad := make([]byte, s.Size)
			copy(bad, fmt.Sprintf("bad %d %d", at, number))
			if err := topics[at].Publish(context.Background(), bad); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Duration(s.Interval * float64(time.Second) / 2))
	}
	time.Sleep(10 * time.Second)
	fair := s.Nodes - s.Attackers
	result := &Result{Wanted: len(s.Publish) * (fair - 1), Counts: total(tracers[:fair])}
	attackers := map[peer.ID]bool{}
	for _, one := range tracers[fair:] {
		attackers[one.self] = true
	}
	for what, count := range before {
		result.Counts[what] -= count
	}
	links := 0
	for _, one := range tracers[:fair] {
		one.locked(func() {
			result.Meshes = append(result.Meshes, len(one.mesh))
			for other := range one.mesh {
				if attackers[other] {
					result.Attackers += 1 / float64(fair)
				}
			}
			for other, score := range one.scores {
				if attackers[other] {
					result.Score += score
					links++
				}
			}
			for name, at := range one.got {
				result.Latencies = append(result.Latencies, float64(at.Sub(published[name]).Microseconds())/1000)
			}
		})
	}
	if links > 0 {
		result.Score /= float64(links)
	}
	sort.Float64s(result.Latencies)
	return result
}

// checkSubscribers fails where a node does not know of all its neighbours that they subscribe.
func checkSubscribers(t *testing.T, s *Scenario, topics []*pubsub.Topic) {
	degree := make([]int, s.Nodes)
	for _, edge := range s.Edges {
		degree[edge[0]]++
		degree[edge[1]]++
	}
	for at, topic := range topics {
		if known := len(topic.ListPeers()); known != degree[at] {
			t.Fatalf("node %d knows of %d subscribers among its %d neighbours", at, known, degree[at])
		}
	}
}

func total(tracers []*tracer) map[string]int {
	sum := map[string]int{}
	for _, one := range tracers {
		one.locked(func() {
			for what, count := range one.counts {
				sum[what] += count
			}
		})
	}
	return sum
}
