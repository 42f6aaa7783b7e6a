"""The shell around a node's DHT core: it sends requests, sets the timer, writes the log; the same in every world."""
