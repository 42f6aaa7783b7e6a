"""Nodes and hosts that are not the lab's own, and what outlives a lab."""
