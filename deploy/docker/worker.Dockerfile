# syntax=docker/dockerfile:1
# A CPU worker: runs the bundle's OpenVINO export, so no torch. The shipped bundle is inside; mount another one
# and set INSPECTOR_MODEL to its folder. The archiver is in it too, as it needs OpenCV for previews:
# `... archive` in place of `inspect`.
#   docker build -f deploy/docker/worker.Dockerfile -t inspector-worker .
# With torch, for `docker run --gpus all ... inspect --device cuda`:
#   docker build -f deploy/docker/worker.Dockerfile --build-arg EXTRAS=gpu -t inspector-gpu-worker .

FROM python:3.11-slim-bookworm AS build
ARG EXTRAS=worker,archive
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/inspector
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY inspector ./inspector
COPY api ./api
COPY workers ./workers
RUN /opt/inspector/bin/pip install --constraint requirements.lock ".[${EXTRAS}]"

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin inspector \
    # A new volume mounted here takes its owner over.
    && install --directory --owner 10001 --group 10001 --mode 0700 /records /blobs
COPY --from=build /opt/inspector /opt/inspector
USER 10001:10001
WORKDIR /tmp
ENV PATH=/opt/inspector/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    INSPECTOR_METRICS_HOST=0.0.0.0 \
    INSPECTOR_METRICS_PORT=9100 \
    INSPECTOR_REDIS_URL=redis://redis:6379/0
EXPOSE 9100
# The start period covers reading the bundle and compiling the network on a slow machine. /readyz also says
# when Redis is away; have nothing restart a worker for that, it comes back by itself.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9100/readyz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-P", "-m", "workers"]
CMD ["inspect"]
