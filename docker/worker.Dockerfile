# A Ray node: head or worker, with all that a stage needs. PyPI's torch brings CUDA's libraries along;
# DeepSpeed compiles its operators at first use and needs a compiler for it.
#   docker build -f docker/worker.Dockerfile -t cftray-worker .
# For GPUs take a base with nvcc and Python 3.11: --build-arg BASE=…
ARG BASE=python:3.11-slim
FROM ${BASE}

RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ rsync openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 cftray && install -d -o cftray /data
WORKDIR /app
COPY pyproject.toml constraints.txt README.md ./
COPY cftray cftray
COPY jobs jobs
COPY cluster cluster
RUN pip install --no-cache-dir -c constraints.txt '.[worker]'

# Caches outside the home, so that they can be a volume.
ENV HF_HOME=/data/cache/huggingface \
    MPLCONFIGDIR=/data/cache/matplotlib \
    TORCH_EXTENSIONS_DIR=/data/cache/torch_extensions \
    TRITON_HOME=/data/cache \
    TRITON_CACHE_DIR=/data/cache/triton \
    RAY_AUTH_MODE=token \
    RAY_USAGE_STATS_ENABLED=0 \
    RAY_TRAIN_HEALTH_CHECK_INTERVAL_S=0.5

USER cftray
WORKDIR /data
CMD ["python", "-c", "import ray; print(ray.__version__)"]
