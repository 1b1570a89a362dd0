FROM python:3.13-slim AS build
RUN python3 -m venv /opt/baybroker
WORKDIR /src
# The dependencies change seldom: their layer is built again only when their list does.
COPY pyproject.toml constraints.txt ./
RUN python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' \
      >requirements.txt \
 && /opt/baybroker/bin/pip install --no-cache-dir -c constraints.txt -r requirements.txt
COPY . .
RUN /opt/baybroker/bin/pip install --no-cache-dir --no-deps .

FROM python:3.13-slim
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin baybroker \
 && install -d -o baybroker -g baybroker /data /tokens
COPY --from=build /opt/baybroker /opt/baybroker
ENV PATH=/opt/baybroker/bin:$PATH PYTHONUNBUFFERED=1 BAYBROKER_HEALTH_FILE=/tmp/baybroker-health
USER baybroker
WORKDIR /data
ENTRYPOINT ["baybroker"]
