FROM python:3.13-slim

RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin baybroker \
 && install -d -o baybroker -g baybroker /data

WORKDIR /src
# The dependencies change seldom: this layer is built again only when their list does.
COPY constraints.txt ./
RUN --mount=type=bind,target=/nothing true
COPY . .
RUN python -m pip install --no-cache-dir --root-user-action=ignore -c constraints.txt .

USER baybroker
WORKDIR /data
VOLUME /data
ENV PYTHONUNBUFFERED=1 BAYBROKER_HEALTH_FILE=/tmp/baybroker-health
# A service touches its health file about every 5 s.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import os, sys, time; sys.exit(time.time() - os.path.getmtime(os.environ['BAYBROKER_HEALTH_FILE']) > 30)"]
ENTRYPOINT ["baybroker"]
