"""Moves every experiment forward, and repairs whatever a death anywhere left behind.

All it knows is in the database and the store; it can be stopped at any line and started again.
"""
