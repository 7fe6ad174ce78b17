"""A sweep's job: Ray Tune runs its trials, each of which walks a plan as an experiment does."""
