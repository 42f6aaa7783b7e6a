"""The widgets of p2plab: live pictures of a lab and buttons for its verbs. They know p2plab's public names only."""

from __future__ import annotations

from p2plab_widgets.console import Buttons as Buttons
from p2plab_widgets.console import Console as Console
from p2plab_widgets.dashboard import Dashboard as Dashboard
from p2plab_widgets.graph import PeerGraph as PeerGraph
from p2plab_widgets.inspector import Inspector as Inspector
from p2plab_widgets.protocols import ConnectionsView as ConnectionsView
from p2plab_widgets.protocols import ContentView as ContentView
from p2plab_widgets.protocols import DhtView as DhtView
from p2plab_widgets.protocols import GossipView as GossipView
from p2plab_widgets.timeline import Timeline as Timeline
from p2plab_widgets.workbench import Workbench as Workbench

__all__ = [
    "Buttons",
    "ConnectionsView",
    "Console",
    "ContentView",
    "Dashboard",
    "DhtView",
    "GossipView",
    "Inspector",
    "PeerGraph",
    "Timeline",
    "Workbench",
]
