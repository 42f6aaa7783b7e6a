"""What a DHT node holds for others: records, their rules, and where they are kept."""
