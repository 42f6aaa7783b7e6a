"""What can be looked at in a lab and in a log alike. The widgets come in by name, when one is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p2plab.errors import ValidationError
from p2plab.errors.checked import list_of
from p2plab.errors.frames import Faced
from p2plab.errors.likely import did_you_mean

if TYPE_CHECKING:
    from p2plab.events import EventLog
    from p2plab.events.cursor import Cursor

__all__ = ["Viewed", "Views"]


class Viewed(Faced):
    """The pictures of a lab or a log. ``events`` is the log that they are drawn from."""

    @property
    def events(self) -> EventLog:
        """What happened."""
        raise NotImplementedError

    @property
    def cursor(self) -> Cursor:
        """The moment and the selection that all views share: ``cursor.at(12.5)``, ``cursor.to_live()``."""
        return self.events.cursor

    def graph(self, **options: Any) -> Any:
        """Draw the picture of the network, a widget; ``console=True`` puts the console beside it.

        Args:
            options: see ``p2plab.widgets.PeerGraph``

        Example:
            >>> lab.graph()
            <PeerGraph, mock: 3 nodes, 2 edges: alice, bob, carol>
        """
        return _widget("Workbench" if options.pop("console", False) else "PeerGraph", self, options)

    def timeline(self, **options: Any) -> Any:
        """Draw what happened, a line for each node and an arrow for each message, a widget.

        Args:
            options: see ``p2plab.widgets.Timeline``

        Example:
            >>> lab.timeline()
            <Timeline, mock: 3 nodes, ...>
        """
        return _widget("Timeline", self, options)

    def dashboard(self, layout: str | None = None, **options: Any) -> Any:
        """Put several views into one arrangement, a widget.

        Args:
            layout: the arrangement, such as ``"3*graph:3/timeline:2 | 2*inspector/feed"``; left out, the usual one
            options: see ``p2plab.widgets.Dashboard``

        Example:
            >>> lab.dashboard()
            <Dashboard, mock: 3 nodes, 2 edges: ...>
        """
        return _widget("Dashboard", self, {"layout": layout, **options})

    def export(
        self,
        path: str | PathLike[str],
        *,
        topic: str | None = None,
        nodes: Sequence[Any] | None = None,
        since: float = 0.0,
        until: float | None = None,
        message: Any = None,
    ) -> Path:
        """Write what happened as other tools read it; the end of the name says as what.

        - ``.pb``: a trace of go-libp2p-pubsub
        - ``.perfetto-trace``: for ui.perfetto.dev, with arrows from causes to effects
        - ``.gexf``, ``.graphml``: who was connected when; with ``topic``, the meshes
        - ``.parquet``: a row for each event
        - ``.mmd``: a sequence diagram in Mermaid, for a bug report

        ``.gz`` behind it compresses the file.

        Args:
            path: the file, which takes the place of one that is there
            topic: only events of this topic, and those of none
            nodes: only events at, or with, these nodes
            since: from this moment on, in seconds
            until: up to this moment, in seconds
            message: only events about this message, or the one with this id

        Returns:
            The path.

        Raises:
            ValidationError: a name whose end is none of these, or a topic or node of which nothing is recorded.
            ConfigurationError: it cannot be written; what was there before is then as it was.
            MissingExtraError: a table, without the extra ``parquet``.

        Example:
            >>> import tempfile, os
            >>> lab.export(os.path.join(tempfile.mkdtemp(), "run.gexf")).name
            'run.gexf'
        """
        from p2plab.exports import export

        return export(
            self.events,
            path,
            topic=None if topic is None else self._known_topic(topic),
            nodes=None if nodes is None else self._known(nodes),
            since=since,
            until=until,
            message=None if message is None else str(getattr(message, "id", message)),
            peer_ids=self._peer_ids(),
        )

    def _known(self, nodes: Sequence[Any]) -> list[str]:
        """The names of nodes that the log tells of. ValidationError: an export of none of them would be empty."""
        names = [str(node) for node in list_of(nodes, "nodes=", "[alice, bob]")]
        for name in names:
            if self.events.index_of(name) is None:
                meant = did_you_mean(name, self.events.names())
                raise ValidationError(f"nodes= has {name!r}, of which nothing is recorded; {meant}".rstrip("; "))
        return names

    def _known_topic(self, topic: str) -> str:
        """A topic that the log tells of. ValidationError."""
        known = self.events.topics()
        if topic not in known:
            raise ValidationError(f"nothing is recorded of topic {topic!r}; {did_you_mean(topic, known)}".rstrip("; "))
        return topic

    def _peer_ids(self) -> Mapping[str, str]:
        """What nodes prove to be, by their names, where that is known."""
        return {}

    @property
    def views(self) -> Views:
        """Views of one subject each: ``lab.views.gossip("news")``, ``dht()``, ``connections()``, ``content()``,
        ``inspector()``."""
        return Views(self)


class Views(Faced):
    """The views of one subject each, of a lab or a log; they share one cursor, unless ``linked=False``."""

    def __init__(self, source: Viewed) -> None:
        self._source = source

    def inspector(self, **options: Any) -> Any:
        """Look into what is selected: a node, a message, an event, a lookup, a stream; with its causes and bytes.

        Args:
            options: see ``p2plab.widgets.Inspector``
        """
        return _widget("Inspector", self._source, options)

    def gossip(self, topic: str | None = None, **options: Any) -> Any:
        """Draw GossipSub in a topic: meshes, a message's way, duplicates, scores, decisions.

        Args:
            topic: the topic; left out, the first
            options: see ``p2plab.widgets.GossipView``

        Example:
            >>> news = alice.subscribe("news")
            >>> lab.views.gossip("news")
            <GossipView, mock: topic news, 1 subscriber, ...>
        """
        return _widget("GossipView", self._source, {"topic": topic, **options})

    def dht(self, **options: Any) -> Any:
        """Draw the DHT: the key space, routing tables, a lookup step by step, who holds a record.

        Args:
            options: see ``p2plab.widgets.DhtView``

        Example:
            >>> lab.views.dht()
            <DhtView, mock: 3 nodes, 0 lookups, ...>
        """
        return _widget("DhtView", self._source, options)

    def connections(self, **options: Any) -> Any:
        """Draw who is connected, who could be and why not; transports, bytes, limits and gates.

        Args:
            options: see ``p2plab.widgets.ConnectionsView``

        Example:
            >>> lab.views.connections()
            <ConnectionsView, mock: 3 nodes, 2 of 3 possible connections: 2 pairs are connected.>
        """
        return _widget("ConnectionsView", self._source, options)

    def content(self, cid: Any = None, **options: Any) -> Any:
        """Draw content: the blocks that a CID leads to, who gave which of them when, wantlists, ledgers.

        Args:
            cid: the root, a Cid or its text; left out, that of the last fetch, else what was added last
            options: see ``p2plab.widgets.ContentView``

        Example:
            >>> cid = alice.content.add(b"hello")
            >>> lab.views.content(cid)
            <ContentView, mock: 1 root, ...: 1 block, 5 bytes.>
        """
        return _widget("ContentView", self._source, {"cid": cid, **options})

    def __repr__(self) -> str:
        return "<views: inspector(), gossip(topic), dht(), connections(), content(cid)>"


def _widget(name: str, source: Any, options: dict[str, Any]) -> Any:
    return getattr(import_module("p2plab.widgets"), name)(source, **options)
