"""AlpacaEval: a model's answers beside a reference's, compared in pairs by a judge.

stage.run (driver)  ──request──▶  worker.judge (one process)  ──pairs──▶  Judge.compare
      ▲                                  │                                (an endpoint, or published annotations)
      └────────── progress.jsonl ◀───────┤
                                         └──▶  annotations.jsonl, scores.json.gz

A rate is over all instructions or it is not: an answer that nobody has judged fails the stage, which keeps the
others and asks only for the rest when it is tried again.
"""
