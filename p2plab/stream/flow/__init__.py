"""Who may write when: credit windows, and one writer at a time."""
