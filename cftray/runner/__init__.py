"""Walks a plan: what is recorded is skipped, the rest is leased, run and recorded."""
