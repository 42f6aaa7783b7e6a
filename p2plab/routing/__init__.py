"""Whom to ask for content and peers: several routers behind one face, what each answered, and how good providers are.

Cores: time is given in ticks, peers are ``PeerId``s, and nothing here sends, sleeps or reads a clock.
"""

from __future__ import annotations

from p2plab.routing.index import ProviderIndex as ProviderIndex
from p2plab.routing.result import RoutedLookup as RoutedLookup
from p2plab.routing.result import RouterAnswer as RouterAnswer
from p2plab.routing.router import ContentRouter as ContentRouter

__all__ = ["ContentRouter", "ProviderIndex", "RoutedLookup", "RouterAnswer"]
