"""Dry runs: what a spec would need, and what of it is recorded."""
