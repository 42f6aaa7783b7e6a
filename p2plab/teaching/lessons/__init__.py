"""The checks of the course's exercises, a module a lesson."""

from __future__ import annotations
