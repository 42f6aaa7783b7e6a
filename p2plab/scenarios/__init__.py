"""Scenarios that one line plays: attacks and faults worth seeing, each in a lab of its own."""
