"""The shell around a node's admission core: it closes connections, sets the timer, writes the log, raises errors."""
