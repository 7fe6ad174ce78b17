"""Thin mains that Ray runs as jobs: they bind stages to the plan, and do nothing else."""
