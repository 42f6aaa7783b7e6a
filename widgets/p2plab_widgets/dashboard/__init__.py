"""The dashboard: several views in one arrangement."""

from __future__ import annotations

from p2plab_widgets.dashboard.widget import Dashboard as Dashboard

__all__ = ["Dashboard"]
