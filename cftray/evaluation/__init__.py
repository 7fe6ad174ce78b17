"""Zero-shot scores of a model through lm-evaluation-harness: task packs, one guarded run, means.

stage.run (driver)  ──request──▶  worker.evaluate (one process)  ──▶  items.parquet, scores.json.gz
      ▲                                     │
      └────────── progress.jsonl ◀──────────┘
"""
