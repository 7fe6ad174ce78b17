"""Matrices: one experiment varied along axes, its cells side by side in one table."""
