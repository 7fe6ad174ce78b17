# The control plane: API, client and command line. No torch, no ray.
#   docker build -f docker/api.Dockerfile -t cftray-api .
FROM python:3.11-slim

RUN useradd --create-home --uid 1000 cftray && install -d -o cftray /data
WORKDIR /app
COPY pyproject.toml constraints.txt README.md ./
COPY cftray cftray
COPY api api
RUN pip install --no-cache-dir -c constraints.txt '.[control]'

USER cftray
WORKDIR /data
EXPOSE 8000
CMD ["python", "-m", "api"]
