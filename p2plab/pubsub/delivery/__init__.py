"""What becomes of a message: validation, duplicates, the node's own subscriptions, and the router."""
