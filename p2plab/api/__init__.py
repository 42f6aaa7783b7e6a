"""The faces: what users hold for a lab, its nodes, and what these are given."""
