// A go-libp2p node for lesson 12. Change what you like, and start it again.
//
// It prints "listening on ADDRESS", and a line for all that it hears. It ends when its input does.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

func main() {
	ctx := context.Background()
	host, err := libp2p.New(
		libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"),
		libp2p.NoTransports,
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(noise.ID, noise.New),
		libp2p.DisableRelay(),
		libp2p.UserAgent("go-libp2p/own-node"),
	)
	check(err)
	defer host.Close()

	// A protocol of its own: one name comes, one greeting goes back.
	host.SetStreamHandler("/greet/1.0.0", func(stream network.Stream) {
		defer stream.Close()
		name, err := io.ReadAll(stream)
		if err == nil {
			_, err = fmt.Fprintf(stream, "hello %s, here is go-libp2p", name)
		}
		if err != nil {
			_ = stream.Reset()
		}
	})

	// A topic: it answers who asks for it.
	gossip, err := pubsub.NewGossipSub(ctx, host)
	check(err)
	news, err := gossip.Join("news")
	check(err)
	inbox, err := news.Subscribe()
	check(err)
	go func() {
		for {
			message, err := inbox.Next(ctx)
			if err != nil {
				return
			}
			if message.ReceivedFrom == host.ID() {
				continue
			}
			fmt.Printf("heard on news: %s\n", message.Data)
			if string(message.Data) == "roll call" {
				check(news.Publish(ctx, []byte("go-libp2p is here")))
			}
		}
	}()

	fmt.Printf("listening on %s/p2p/%s\n", host.Addrs()[0], host.ID())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
