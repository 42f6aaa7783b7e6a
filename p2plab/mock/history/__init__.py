"""What was done to a mock lab: as commands, as a script, replayed, and put away as a snapshot."""
