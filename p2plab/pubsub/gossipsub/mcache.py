"""The message cache: recent messages by heartbeat, to gossip about and to give away (gossipsub-v1.0.md, "Message
Cache")."""

from __future__ import annotations

from p2plab.pubsub.message import Publication


class MessageCache:
    """Messages in windows of one heartbeat each."""

    __slots__ = ("_messages", "_sent", "_windows")

    def __init__(self) -> None:
        self._messages: dict[bytes, Publication] = {}
        self._sent: dict[bytes, dict[int, int]] = {}  # how often each peer was given a message it asked for
        self._windows: list[dict[str, list[bytes]] | None] = [None]  # newest first; None: nothing came in it

    def put(self, message_id: bytes, publication: Publication) -> None:
        """Add a message to the current window."""
        self._messages[message_id] = publication
        window = self._windows[0]
        if window is None:
            window = self._windows[0] = {}
        ids = window.get(publication.topic)
        if ids is None:
            window[publication.topic] = [message_id]
        else:
            ids.append(message_id)

    def get(self, message_id: bytes) -> Publication | None:
        """The message, while it is kept."""
        return self._messages.get(message_id)

    def ask(self, message_id: bytes, peer: int) -> tuple[Publication | None, int]:
        """The message, and the how-manieth time this peer asks for it."""
        publication = self._messages.get(message_id)
        if publication is None:
            return None, 0
        times = self._sent.setdefault(message_id, {})
        times[peer] = count = times.get(peer, 0) + 1
        return publication, count

    def gossip_ids(self, topic: str, windows: int) -> list[bytes]:
        """Ids of the topic's messages in the newest ``windows`` windows, the newest window first."""
        ids: list[bytes] = []
        for window in self._windows[:windows]:
            here = window and window.get(topic)
            if here:
                ids += here
        return ids

    def shift(self, length: int, count: int = 1) -> None:
        """Begin ``count`` new windows and forget what is in none of the newest ``length``."""
        windows = self._windows
        windows[:0] = [None] * min(count, length)
        while len(windows) > length:
            for ids in (windows.pop() or {}).values():
                for message_id in ids:
                    self._messages.pop(message_id, None)
                    self._sent.pop(message_id, None)

    def __len__(self) -> int:
        return len(self._messages)
