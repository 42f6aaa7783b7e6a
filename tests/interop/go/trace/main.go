// Traces of a small network: -make FOLDER writes trace.pb and trace.json; -slow FOLDER writes slow.pb, of eight hosts of
// which one is slow; -read FILE prints what a trace has, as JSON.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"google.golang.org/protobuf/proto"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

type both struct{ tracers []pubsub.EventTracer }

func (b both) Trace(event *pb.TraceEvent) {
	for _, tracer := range b.tracers {
		tracer.Trace(event)
	}
}

func makeTraces(folder string) {
	ctx := context.Background()
	binaryTracer, err := pubsub.NewPBTracer(filepath.Join(folder, "trace.pb"))
	must(err)
	jsonTracer, err := pubsub.NewJSONTracer(filepath.Join(folder, "trace.json"))
	must(err)
	tracer := both{[]pubsub.EventTracer{binaryTracer, jsonTracer}}
	var hosts []host.Host
	var topics []*pubsub.Topic
	for i := 0; i < 5; i++ {
		h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
		must(err)
		ps, err := pubsub.NewGossipSub(ctx, h, pubsub.WithEventTracer(tracer))
		must(err)
		reject := func(_ context.Context, _ peer.ID, m *pubsub.Message) bool { return string(m.Data) != "bad" }
		if i == 4 {
			must(ps.RegisterTopicValidator("news", reject))
		}
		topic, err := ps.Join("news")
		must(err)
		sub, err := topic.Subscribe()
		must(err)
		go func() {
			for {
				if _, err := sub.Next(ctx); err != nil {
					return
				}
			}
		}()
		hosts, topics = append(hosts, h), append(topics, topic)
	}
	for i := range hosts {
		for _, step := range []int{1, 2} {
			other := hosts[(i+step)%len(hosts)]
			must(hosts[i].Connect(ctx, peer.AddrInfo{ID: other.ID(), Addrs: other.Addrs()}))
		}
	}
	time.Sleep(2500 * time.Millisecond)
	must(topics[0].Publish(ctx, []byte("hello")))
	time.Sleep(300 * time.Millisecond)
	must(topics[2].Publish(ctx, []byte("again")))
	time.Sleep(300 * time.Millisecond)
	must(topics[1].Publish(ctx, []byte("bad")))
	time.Sleep(time.Second)
	must(hosts[3].Close())
	time.Sleep(time.Second)
	binaryTracer.Close()
	jsonTracer.Close()
	time.Sleep(500 * time.Millisecond)
}

// One host validates every message for 60 ms, and another one is connected with that host alone.
func makeSlow(folder string) {
	ctx := context.Background()
	tracer, err := pubsub.NewPBTracer(filepath.Join(folder, "slow.pb"))
	must(err)
	var hosts []host.Host
	var topics []*pubsub.Topic
	for i := 0; i < 8; i++ {
		h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
		must(err)
		ps, err := pubsub.NewGossipSub(ctx, h, pubsub.WithEventTracer(tracer), pubsub.WithFloodPublish(false))
		must(err)
		if i == 5 {
			must(ps.RegisterTopicValidator("news", func(context.Context, peer.ID, *pubsub.Message) bool {
				time.Sleep(60 * time.Millisecond)
				return true
			}))
		}
		topic, err := ps.Join("news")
		must(err)
		sub, err := topic.Subscribe()
		must(err)
		go func() {
			for {
				if _, err := sub.Next(ctx); err != nil {
					return
				}
			}
		}()
		hosts, topics = append(hosts, h), append(topics, topic)
	}
	connect := func(i, j int) {
		must(hosts[i].Connect(ctx, peer.AddrInfo{ID: hosts[j].ID(), Addrs: hosts[j].Addrs()}))
	}
	for i := 0; i < 7; i++ {
		connect(i, (i+1)%7)
		connect(i, (i+2)%7)
	}
	connect(7, 5)
	time.Sleep(2500 * time.Millisecond)
	for i := 0; i < 12; i++ {
		must(topics[i%5].Publish(ctx, []byte(fmt.Sprintf("message %d", i))))
		time.Sleep(150 * time.Millisecond)
	}
	time.Sleep(time.Second)
	tracer.Close()
	time.Sleep(500 * time.Millisecond)
}

func read(path string) {
	file, err := os.Open(path)
	must(err)
	reader := bufio.NewReader(file)
	kinds, topics, peers := map[string]int{}, map[string]int{}, map[string]int{}
	last := int64(0)
	ordered := true
	for {
		size, err := binary.ReadUvarint(reader)
		if err == io.EOF {
			break
		}
		must(err)
		data := make([]byte, size)
		_, err = io.ReadFull(reader, data)
		must(err)
		var event pb.TraceEvent
		must(proto.Unmarshal(data, &event))
		kinds[event.GetType().String()]++
		id, err := peer.IDFromBytes(event.GetPeerID())
		must(err)
		peers[id.String()]++
		if event.GetPublishMessage() != nil {
			topics[event.GetPublishMessage().GetTopic()]++
		}
		ordered = ordered && event.GetTimestamp() >= last
		last = event.GetTimestamp()
	}
	told, err := json.Marshal(map[string]any{"kinds": kinds, "topics": topics, "peers": peers, "ordered": ordered})
	must(err)
	fmt.Println(string(told))
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "-make" {
		makeTraces(os.Args[2])
	} else if len(os.Args) == 3 && os.Args[1] == "-slow" {
		makeSlow(os.Args[2])
	} else if len(os.Args) == 3 && os.Args[1] == "-read" {
		read(os.Args[2])
	} else {
		fmt.Fprintln(os.Stderr, "usage: -make FOLDER | -slow FOLDER | -read FILE")
		os.Exit(2)
	}
}
