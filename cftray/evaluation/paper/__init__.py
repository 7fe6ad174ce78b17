"""The task pack `paper`: the paper's seven benchmarks, zero-shot, from files in their published formats.

files or a hub snapshot ── reading ──▶ documents ── tasks/*.yaml (lm-eval) ──▶ prompts, answers
                                                                                    │
                     per-item scores ◀── scoring ── metrics, segmentation ◀─────────┘

`docs/evaluation.md` has each metric's definition and source.
"""
