"""The widgets, where they are installed: the same objects as in the package ``p2plab_widgets``."""

from __future__ import annotations

from p2plab.errors import MissingExtraError

try:
    from p2plab_widgets import Buttons as Buttons
    from p2plab_widgets import ConnectionsView as ConnectionsView
    from p2plab_widgets import Console as Console
    from p2plab_widgets import ContentView as ContentView
    from p2plab_widgets import Dashboard as Dashboard
    from p2plab_widgets import DhtView as DhtView
    from p2plab_widgets import GossipView as GossipView
    from p2plab_widgets import Inspector as Inspector
    from p2plab_widgets import PeerGraph as PeerGraph
    from p2plab_widgets import Timeline as Timeline
    from p2plab_widgets import Workbench as Workbench
except ImportError as error:
    raise MissingExtraError(
        f"the widgets need {error.name or 'packages'}, which cannot be imported ({error}): pip install 'p2plab[lab]'"
    ) from error

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
