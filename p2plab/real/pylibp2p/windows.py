"""Yamux windows that are kept to what they are counted with.

py-libp2p lets the window of a stream that is read quickly grow to 16 MiB, and takes what a peer sends beyond a window
(with a warning in its log): a limit of memory would bound nothing. Here a window stays as it is, and a peer that sends
more than it may is told of, as yamux/README.md has it: "Flow Control".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from libp2p.stream_muxer.yamux.yamux import YamuxStream

__all__ = ["keep_window"]


class _KeptStream(YamuxStream):
    """``overran`` is told once how many bytes too many came."""

    _left: int
    _overran: Callable[[int], None] | None

    # The base class keeps a plain attribute here, which it lets go below nothing.
    @property
    def recv_window(self) -> int:
        return self._left

    @recv_window.setter
    def recv_window(self, left: int) -> None:
        self._left = left
        overran = self._overran
        if left < 0 and overran is not None:
            self._overran = None
            overran(-left)

    def _effective_rtt(self) -> float:
        return 0.0  # by which the library sees that it cannot tell how quickly the stream is read


def keep_window(muxed: Any, overran: Callable[[int], None]) -> None:
    """Have the window of a muxed stream kept, if it is one of Yamux's; again: nothing."""
    is_kept = isinstance(muxed, _KeptStream)
    if isinstance(muxed, YamuxStream) and not is_kept:
        known: Any = muxed
        known._left, known._overran = known.__dict__.pop("recv_window"), overran
        known.__class__ = _KeptStream
