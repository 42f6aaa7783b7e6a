"""Views of one protocol each: GossipSub, the DHT, connections, content."""

from __future__ import annotations

from p2plab_widgets.protocols.connections import ConnectionsView as ConnectionsView
from p2plab_widgets.protocols.content import ContentView as ContentView
from p2plab_widgets.protocols.dht import DhtView as DhtView
from p2plab_widgets.protocols.gossip import GossipView as GossipView

__all__ = ["ConnectionsView", "ContentView", "DhtView", "GossipView"]
