"""What the two faces of a lab, of a node and of a node's content have in common: what takes no lab time, by subject."""
