"""Finding each other: rendezvous, namespaces in the DHT, bootstrap lists, and what else ``discovery=`` can name.

The cores, in and out without I/O; ``p2plab.host.discovery`` binds them to a node.
"""

from p2plab.discovery.found import Advertisement as Advertisement
from p2plab.discovery.rendezvous.params import RendezvousParams as RendezvousParams

__all__ = ["Advertisement", "RendezvousParams"]
