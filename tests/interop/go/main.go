// A go-libp2p node that tests/interop drives: JSON lines in, JSON lines out, as js/node.js says. It ends when its input
// does.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	record "github.com/libp2p/go-libp2p-record"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/protocol/autonatv2"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	"github.com/libp2p/go-libp2p/p2p/protocol/holepunch"
	"github.com/libp2p/go-libp2p/p2p/protocol/identify"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	tls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/libp2p/go-libp2p/p2p/transport/websocket"
	"github.com/multiformats/go-multiaddr"
)

var echo = protocol.ID("/echo/1.0.0")

type config struct {
	Listen      []string    `json:"listen"`
	Kad         protocol.ID `json:"kad"`
	Security    string      `json:"security"`
	Key         string      `json:"key"`
	Pubsub      string      `json:"pubsub"`
	Signing     string      `json:"signing"`
	Client      bool        `json:"client"`
	Psk         string      `json:"psk"`
	Deny        bool        `json:"deny"`
	Connections *int        `json:"connections"`
	Echo        protocol.ID `json:"echo"`
	Agent       string      `json:"agent"`
	Relay       string      `json:"relay"`
}

// denying is a gate that lets nobody in, once it knows who they are.
type denying struct{}

func (denying) InterceptPeerDial(peer.ID) bool                                  { return true }
func (denying) InterceptAddrDial(peer.ID, multiaddr.Multiaddr) bool             { return true }
func (denying) InterceptAccept(network.ConnMultiaddrs) bool                     { return true }
func (denying) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }
func (denying) InterceptSecured(direction network.Direction, _ peer.ID, _ network.ConnMultiaddrs) bool {
	return direction == network.DirOutbound
}

type request struct {
	ID      int    `json:"id"`
	Do      string `json:"do"`
	Address string `json:"address"`
	Topic   string `json:"topic"`
	Data    []byte `json:"data"`
	Key     string `json:"key"`
	Value   []byte `json:"value"`
	Cid     string `json:"cid"`
}

type object map[string]any

var saying sync.Mutex

func say(line object) {
	saying.Lock()
	defer saying.Unlock()
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		os.Exit(1)
	}
}

// anything is the validator of the /lab namespace: every value is right, the first is the best.
type anything struct{}

func (anything) Validate(string, []byte) error        { return nil }
func (anything) Select(string, [][]byte) (int, error) { return 0, nil }

type node struct {
	host   host.Host
	ping   *ping.PingService
	pubsub *pubsub.PubSub
	dht    *dht.IpfsDHT
	topics map[string]*pubsub.Topic
	nat    *autonatv2.AutoNAT
}

func main() {
	var given config
	if err := json.Unmarshal([]byte(os.Args[1]), &given); err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n, err := start(ctx, given)
	if err != nil {
		panic(err)
	}
	defer n.host.Close()
	var addresses []string
	for _, address := range n.host.Addrs() {
		addresses = append(addresses, fmt.Sprintf("%s/p2p/%s", address, n.host.ID()))
	}
	say(object{"event": "ready", "peer_id": n.host.ID().String(), "addresses": addresses})
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
		result, err := n.do(ctx, asked)
		if err != nil {
			say(object{"id": asked.ID, "error": err.Error()})
		} else {
			say(object{"id": asked.ID, "result": result})
		}
	}
}

func start(ctx context.Context, given config) (*node, error) {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if given.Key == "ECDSA" {
		key, _, err = crypto.GenerateECDSAKeyPair(rand.Reader)
	}
	if err != nil {
		return nil, err
	}
	secured := libp2p.Security(noise.ID, noise.New)
	if given.Security == "tls" {
		secured = libp2p.Security(tls.ID, tls.New)
	}
	if given.Echo != "" {
		echo = given.Echo
	}
	more, err := hard(given)
	if err != nil {
		return nil, err
	}
	relayed := libp2p.DisableRelay()
	if given.Relay != "" {
		relayed = libp2p.EnableRelay()
	}
	h, err := libp2p.New(
		libp2p.Identity(key),
		libp2p.ListenAddrStrings(given.Listen...),
		libp2p.NoTransports,
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Transport(websocket.New),
		secured,
		relayed,
		more,
	)
	if err != nil {
		return nil, err
	}
	h.SetStreamHandler(echo, func(stream network.Stream) {
		if _, err := io.Copy(stream, stream); err != nil {
			_ = stream.Reset()
			return
		}
		_ = stream.Close()
	})
	nat, err := reachable(h, given)
	if err != nil {
		return nil, err
	}
	mode := dht.ModeServer
	if given.Client {
		mode = dht.ModeClient
	}
	table, err := dht.New(
		h,
		dht.ProtocolPrefix(protocol.ID(strings.TrimSuffix(string(given.Kad), "/kad/1.0.0"))),
		dht.Mode(mode),         // with addresses of the loopback alone it would never become a server by itself
		dht.AddressFilter(nil), // the loopback's addresses are all there are
		dht.Validator(record.NamespacedValidator{"lab": anything{}}),
	)
	if err != nil {
		return nil, err
	}
	table.RoutingTable().PeerAdded = func(id peer.ID) { say(object{"event": "routed", "peer": id.String()}) }
	signing := pubsub.StrictSign
	if given.Signing == "StrictNoSign" {
		signing = pubsub.StrictNoSign
	}
	var gossip *pubsub.PubSub
	switch given.Pubsub {
	case "none":
	case "floodsub":
		gossip, err = pubsub.NewFloodSub(ctx, h, pubsub.WithMessageSignaturePolicy(signing))
	default:
		gossip, err = pubsub.NewGossipSub(ctx, h, pubsub.WithMessageSignaturePolicy(signing))
	}
	if err != nil {
		return nil, err
	}
	return &node{h, ping.NewPingService(h), gossip, table, map[string]*pubsub.Topic{}, nat}, nil
}

// punches tells of hole punches that have ended.
type punches struct{}

func (punches) Trace(event *holepunch.Event) {
	if ended, ok := event.Evt.(*holepunch.EndHolePunchEvt); ok {
		say(object{"event": "punched", "peer": event.Remote.String(), "success": ended.Success, "error": ended.Error})
	}
}

// reachable is what a node with "relay" has besides: AutoNAT v2 and DCUtR, both for the loopback's addresses, and it
// relays for others where that is "server".
func reachable(h host.Host, given config) (*autonatv2.AutoNAT, error) {
	if given.Relay == "" {
		return nil, nil
	}
	if given.Relay == "server" {
		if _, err := relay.New(h); err != nil {
			return nil, err
		}
	}
	known, ok := h.(interface{ IDService() identify.IDService })
	if !ok {
		return nil, errors.New("a host without identify")
	}
	if _, err := holepunch.NewService(h, known.IDService(), h.Addrs, holepunch.WithTracer(punches{})); err != nil {
		return nil, err
	}
	dialler, err := libp2p.New(
		libp2p.NoListenAddrs, libp2p.NoTransports, libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(noise.ID, noise.New), libp2p.DisableRelay(),
	)
	if err != nil {
		return nil, err
	}
	nat, err := autonatv2.New(dialler, autonatv2.AllowPrivateAddrs)
	if err != nil {
		return nil, err
	}
	return nat, nat.Start(h)
}

// hard is what makes it a node that is hard to talk to; js/node.js says the same.
func hard(given config) (libp2p.Option, error) {
	agent := given.Agent
	if agent == "" {
		agent = "go-libp2p/interop"
	}
	options := []libp2p.Option{libp2p.UserAgent(agent)}
	if given.Psk != "" {
		key, err := hex.DecodeString(given.Psk)
		if err != nil {
			return nil, err
		}
		options = append(options, libp2p.PrivateNetwork(key))
	}
	if given.Deny {
		options = append(options, libp2p.ConnectionGater(denying{}))
	}
	if given.Connections != nil {
		limits := rcmgr.PartialLimitConfig{System: rcmgr.ResourceLimits{ConnsInbound: rcmgr.BlockAllLimit}}
		if *given.Connections > 0 {
			limits.System.ConnsInbound = rcmgr.LimitVal(*given.Connections)
		}
		manager, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(limits.Build(rcmgr.InfiniteLimits)))
		if err != nil {
			return nil, err
		}
		options = append(options, libp2p.ResourceManager(manager))
	}
	return libp2p.ChainOptions(options...), nil
}

func (n *node) reach(ctx context.Context, address string) (peer.ID, error) {
	parsed, err := multiaddr.NewMultiaddr(address)
	if err != nil {
		return "", err
	}
	info, err := peer.AddrInfoFromP2pAddr(parsed)
	if err != nil {
		return "", err
	}
	return info.ID, n.host.Connect(ctx, *info)
}

func (n *node) do(ctx context.Context, asked request) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, 25*time.Second)
	defer cancel()
	switch asked.Do {
	case "dial":
		id, err := n.reach(ctx, asked.Address)
		return id.String(), err
	case "peers":
		return n.host.Network().Peers(), nil
	case "ping":
		id, err := n.reach(ctx, asked.Address)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		reply := <-n.ping.Ping(ctx, id)
		return reply.RTT.Seconds(), reply.Error
	case "knows":
		id, err := n.reach(ctx, asked.Address)
		if err != nil {
			return nil, err
		}
		agent, err := n.host.Peerstore().Get(id, "AgentVersion")
		if err != nil {
			return nil, err
		}
		protocols, err := n.host.Peerstore().GetProtocols(id)
		return object{"agent_version": agent, "protocols": protocols}, err
	case "reserve":
		parsed, err := multiaddr.NewMultiaddr(asked.Address)
		if err != nil {
			return nil, err
		}
		info, err := peer.AddrInfoFromP2pAddr(parsed)
		if err != nil {
			return nil, err
		}
		slot, err := client.Reserve(ctx, n.host, *info)
		if err != nil {
			return nil, err
		}
		return object{"data": slot.LimitData, "seconds": slot.LimitDuration.Seconds(), "voucher": slot.Voucher != nil}, nil
	case "reachable":
		parsed, err := multiaddr.NewMultiaddr(asked.Address)
		if err != nil {
			return nil, err
		}
		result, err := n.nat.GetReachability(ctx, []autonatv2.Request{{Addr: parsed, SendDialData: true}})
		return result.Reachability.String(), err
	case "echo":
		return n.echo(network.WithAllowLimitedConn(ctx, "interop"), asked)
	case "subscribe":
		return nil, n.subscribe(ctx, asked.Topic)
	case "publish":
		topic := n.topics[asked.Topic]
		if topic == nil {
			return nil, errors.New("subscribe to it first")
		}
		return topic.ListPeers(), topic.Publish(ctx, asked.Data)
	case "put":
		return nil, n.dht.PutValue(ctx, asked.Key, asked.Value)
	case "get":
		return n.dht.GetValue(ctx, asked.Key)
	case "provide":
		parsed, err := cid.Decode(asked.Cid)
		if err != nil {
			return nil, err
		}
		return nil, n.dht.Provide(ctx, parsed, true)
	case "providers":
		parsed, err := cid.Decode(asked.Cid)
		if err != nil {
			return nil, err
		}
		found, err := n.dht.FindProviders(ctx, parsed)
		ids := []peer.ID{}
		for _, info := range found {
			ids = append(ids, info.ID)
		}
		return ids, err
	}
	return nil, fmt.Errorf("there is no verb %q", asked.Do)
}

// echo sends and reads at once, as a peer that answers what it has read would fill up.
func (n *node) echo(ctx context.Context, asked request) (any, error) {
	id, err := n.reach(ctx, asked.Address)
	if err != nil {
		return nil, err
	}
	stream, err := n.host.NewStream(ctx, id, echo)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	sent := make(chan error, 1)
	go func() {
		_, err := stream.Write(asked.Data)
		sent <- errors.Join(err, stream.CloseWrite())
	}()
	heard, err := io.ReadAll(stream)
	return heard, errors.Join(err, <-sent)
}

func (n *node) subscribe(ctx context.Context, name string) error {
	topic, err := n.pubsub.Join(name)
	if err != nil {
		return err
	}
	n.topics[name] = topic
	// These outlive the request.
	ctx = context.WithoutCancel(ctx)
	changes, err := topic.EventHandler()
	if err != nil {
		return err
	}
	go func() {
		for {
			change, err := changes.NextPeerEvent(ctx)
			if err != nil {
				return
			}
			if change.Type == pubsub.PeerJoin {
				say(object{"event": "subscribed", "peer": change.Peer.String(), "topic": name})
			}
		}
	}()
	messages, err := topic.Subscribe()
	if err != nil {
		return err
	}
	go func() {
		for {
			message, err := messages.Next(ctx)
			if err != nil {
				return
			}
			if message.ReceivedFrom != n.host.ID() {
				say(object{
					"event": "message", "topic": name, "data": message.Data, "from": message.GetFrom().String(),
					"signed": len(message.Signature) > 0,
				})
			}
		}
	}()
	return nil
}
