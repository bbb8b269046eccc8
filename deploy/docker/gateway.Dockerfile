# syntax=docker/dockerfile:1
# The gateway: takes images in, shows results. No torch, numpy or OpenCV.
#   docker build -f deploy/docker/gateway.Dockerfile -t inspector-gateway .

FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/inspector
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY inspector ./inspector
COPY api ./api
COPY workers ./workers
RUN /opt/inspector/bin/pip install --constraint requirements.lock ".[api]"

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin inspector \
    # A new volume mounted here takes its owner over.
    && install --directory --owner 10001 --group 10001 --mode 0700 /keys /records /blobs
COPY --from=build /opt/inspector /opt/inspector
USER 10001:10001
WORKDIR /tmp
# Inside a container the network is the container's own: what is reachable is what the run publishes.
ENV PATH=/opt/inspector/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    INSPECTOR_HOST=0.0.0.0 \
    INSPECTOR_PORT=8000 \
    INSPECTOR_METRICS_HOST=0.0.0.0 \
    INSPECTOR_METRICS_PORT=9100 \
    INSPECTOR_REDIS_URL=redis://redis:6379/0
EXPOSE 8000 9100
# /healthz, not /readyz: to restart a gateway does not bring a Redis back.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
# -P: nothing in the working directory can stand in for a module.
ENTRYPOINT ["python", "-P", "-m", "api"]
