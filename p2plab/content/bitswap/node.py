"""``Bitswap``: the core of one node, which asks for blocks and gives them (ipfs/specs, BITSWAP.md; 1.0 to 1.2).

Rules (those of sessions and of serving stand in ``session`` and ``serving``):
- Input: peers that come and go, their messages, blocks that are here now, what a search found, the time. Out: Notes,
  ``Ready`` (there is something to send: ask ``outgoing``), ``Search`` (look for providers, then call ``searched``),
  ``SessionChanged`` (a session has blocks or an end), ``CutOff`` (close what the peer has open) and ``WakeAt``.
- A block is kept where its hash is that of a want, and nowhere else. What nobody asked for costs its sender: many such
  blocks, a message that breaks the rules, or lines over the bound of a wantlist again and again cut it off for a while.
- Peers are indices. A want is known by its multihash, so that 1.0, which knows CIDv0 alone, is understood.
"""

from __future__ import annotations

from p2plab.content.bitswap.effects import Effects
from p2plab.content.bitswap.messages import BitswapMessage
from p2plab.content.bitswap.params import BitswapParams, ticks_of
from p2plab.content.bitswap.serving import Serving
from p2plab.content.bitswap.session import Session
from p2plab.content.bitswap.wanting import Wanting
from p2plab.content.effects import CutOff, Ready
from p2plab.content.store import BlockStore
from p2plab.effects import note
from p2plab.identity.cid import Cid

__all__ = ["Bitswap"]


class Bitswap(Wanting):
    """The core of one node over its blocks: ``Wanting`` asks, ``serving`` gives, and here they meet."""

    def __init__(self, store: BlockStore, params: BitswapParams | None = None) -> None:
        super().__init__(store, BitswapParams() if params is None else params)
        self.serving = Serving(store, self.params)

    # -- peers

    def is_cut_off(self, peer: int, now: int) -> bool:
        """Whether a peer is neither heard nor answered for now."""
        ledger = self.serving.ledgers.get(peer)
        return ledger is not None and ledger.cut_until > now

    def peer_ready(self, peer: int, version: int, now: int) -> Effects:
        """A peer is connected and speaks Bitswap 1.``version``."""
        return [] if self.is_cut_off(peer, now) else super().peer_ready(peer, version, now)

    def peer_gone(self, peer: int, now: int) -> Effects:
        """Its last connection has gone."""
        out: Effects = [Ready(other) for other in self.serving.gone(peer)]
        return [*out, *super().peer_gone(peer, now)]

    # -- what comes

    def received(self, peer: int, message: BitswapMessage, now: int) -> Effects:
        """A peer's message."""
        out: Effects = []
        if self.is_cut_off(peer, now):
            return out
        self.heard(peer, now)
        changed: dict[int, Session] = {}
        for cid, data in message.blocks:
            self._took(peer, cid, data, now, changed, out)
        for cid in message.haves:
            self._has(peer, cid, now, changed, out)
        for cid in message.dont_haves:
            self._has_not(peer, cid, "don't have", now, changed, out)
        if message.wants or message.full:
            refused = self.serving.wanted(peer, list(message.wants), message.full)
            if refused:
                about = {"lines": refused, "limit": self.params.max_wants}
                out.append(note("bitswap.refused", peer, reason="limit", data=about))
            out.append(Ready(peer))
        ledger = self.serving.ledgers.get(peer)
        if ledger is not None and ledger.refused > self.params.refused_wants:
            return [*out, *self.cut_off(peer, f"{ledger.refused} lines over its wantlist's limit", now)]
        if ledger is not None and (
            ledger.unasked_blocks > self.params.unasked_blocks or ledger.unasked_bytes > self.params.unasked_bytes
        ):
            why = f"{ledger.unasked_blocks} blocks ({ledger.unasked_bytes} bytes) that nobody asked it for"
            return [*out, *self.cut_off(peer, why, now)]
        for session in changed.values():
            self._assign(session, now, out)
        self._send_all(out)
        return out

    def _took(self, peer: int, cid: Cid, data: bytes, now: int, changed: dict[int, Session], out: Effects) -> None:
        """A block came: it stands in the peer's ledger, and others may have waited for it."""
        ledger = self.serving.ledger(peer)
        ledger.received += len(data)
        ledger.blocks_received += 1
        news = self._block(peer, cid, data, now, changed, out)
        if news == "wanted":
            out += [Ready(other) for other in self.serving.stored(cid)]
        elif news == "unasked":
            ledger.unasked_blocks += 1
            ledger.unasked_bytes += len(data)

    def cut_off(self, peer: int, why: str, now: int) -> Effects:
        """A peer broke the rules: it is neither heard nor answered for a while."""
        ledger = self.serving.ledger(peer)
        ledger.cut_until = now + ticks_of(self.params.cut_off)
        ledger.refused = ledger.unasked_blocks = ledger.unasked_bytes = 0
        out: Effects = [note("bitswap.cut_off", peer, data={"why": why, "seconds": self.params.cut_off})]
        out += self.peer_gone(peer, now)
        out.append(CutOff(peer))
        self._send_all(out)
        return out

    def stored(self, cid: Cid) -> Effects:
        """A block is here now that did not come this way: peers that want it are given it."""
        return [Ready(peer) for peer in self.serving.stored(cid)]

    # -- sending

    def outgoing(self, peer: int) -> BitswapMessage | None:
        """What is to be sent to a peer now; None: nothing. It counts as sent when ``sent`` is called."""
        there = self._peers.get(peer)
        answers = self.serving.next_message(peer)
        if there is None or not there.outbox:
            return answers
        wants = list(there.outbox.values())
        there.outbox = {}
        return BitswapMessage(wants) if answers is None else answers._replace(wants=wants)

    def sent(self, peer: int, message: BitswapMessage) -> Effects:
        """A message has left."""
        out: Effects = [note("bitswap.sent", peer, ref=str(cid), size=len(data)) for cid, data in message.blocks]
        if message.blocks:
            out += [Ready(other) for other in self.serving.sent(peer, list(message.blocks))]
        return out

    def not_sent(self, peer: int, now: int) -> Effects:
        """A message could not be sent: the peer is not to be had."""
        return self.peer_gone(peer, now)

    def is_idle(self, peer: int) -> bool:
        """Whether neither of the two wants anything of the other."""
        ledger = self.serving.ledgers.get(peer)
        if ledger is not None and (ledger.wants or ledger.tasks):
            return False
        there = self._peers.get(peer)
        if there is not None and there.outbox:
            return False
        return not any(peer in want.asked or peer in want.sought for want in self._wants.values())
