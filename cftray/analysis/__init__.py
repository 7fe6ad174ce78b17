"""What turns models and data sets into findings: how alike they are, and pictures of it.

- `mpd`, `mpd_files`: the distance of two models' parameters, streamed from safetensors
- `des`, `samples`, `embedding`, `encoder`: the similarity of two data sets' mean sentence embeddings
- `representations`, `covariance`, `crosslingual`, `tsne`: hidden activations of a pair, and of languages side by side
- `figures`: the paper's figures, for one's own models
- the modules named `…_stage` are the stages

No module here loads torch when it is imported, but those that only workers import. Definitions and how to read them:
`docs/similarity.md`, `docs/representations.md`.
"""
