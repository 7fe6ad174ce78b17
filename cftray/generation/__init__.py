"""Replay sets: a model answers prompts, spread over a pool of actors."""
