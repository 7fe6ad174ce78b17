"""Named experiments, ready to be POSTed."""
