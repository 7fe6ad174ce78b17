"""From files to what a model sees: rows, templates, token arrays, the order of a phase's samples.

Needs neither torch nor transformers: the control plane renders with the same code.
"""
