"""How alike two data sets and two models are, before and after training.

- `mpd`, `mpd_files`: the distance of two models' parameters, streamed from safetensors
- `des`, `samples`, `embedding`, `encoder`: the similarity of two data sets' mean sentence embeddings
- `mpd_stage`, `des_stage`: both as stages; `entry` is what their workers call

Only `encoder` needs torch. Definitions and how to read them: `docs/similarity.md`.
"""
