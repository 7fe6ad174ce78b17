"""CFTRay: continual fine-tuning experiments of language models on Ray.

The library knows experiments and knows nothing of HTTP. `cftray.spec` says what an experiment is,
`cftray.plan` what has to run for it, `cftray.store` where results live, `cftray.runner` runs it.
"""

__version__ = "0.1.0"
