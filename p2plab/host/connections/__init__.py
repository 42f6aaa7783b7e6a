"""A node's connections in every world: dialling, negotiation, the address book, admission."""
