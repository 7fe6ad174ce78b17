"""Scores of one answer, and what a word is in each language."""
