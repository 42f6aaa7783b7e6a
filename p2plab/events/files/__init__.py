"""The log in a file: canonical JSONL, and files that are written whole or not at all."""
