"""The shell around a node's router: subscriptions, validation, delivery, heartbeats, dials; the same in every world."""
