"""The one Host of every world: names and peers, dialling, streams and protocols, admission, pubsub and DHT binding.

``protocols`` says what a world gives it.
"""

from p2plab.host.host import Host as Host
from p2plab.host.protocols import HostConnection as HostConnection
from p2plab.host.protocols import HostStream as HostStream
from p2plab.host.protocols import HostWorld as HostWorld
from p2plab.host.service import HostService as HostService

__all__ = ["Host", "HostConnection", "HostService", "HostStream", "HostWorld"]
