"""The trio thread of a real lab, the ways into it, and what its tasks are given."""
