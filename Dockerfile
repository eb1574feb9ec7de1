# The HTTP server and the command line program in an image of Debian.
#
#   docker build -t orchestrator .
#   docker run --rm -p 127.0.0.1:8006:8006 -v orchestrator:/var/lib/orchestrator -v ./keys:/etc/orchestrator/keys:ro orchestrator
#
# The keys file holds the hashes of the API keys: whoever reaches a server that listens to more than loopback needs a
# key, and without the file the server does not start.

FROM debian:12-slim AS build
WORKDIR /src
COPY . .
RUN ./dev build && ./dev runtime-packages >runtime-packages

FROM debian:12-slim
COPY --from=build /src/runtime-packages /tmp/
RUN apt-get update \
    && xargs apt-get install -y --no-install-recommends ca-certificates </tmp/runtime-packages \
    && rm -rf /var/lib/apt/lists/* /tmp/runtime-packages \
    && useradd --system --uid 10001 --home-dir /var/lib/orchestrator --create-home orchestrator
COPY --from=build /src/build/bin/orchestrator /src/build/bin/orchestrator_http /usr/local/bin/

USER 10001
WORKDIR /var/lib/orchestrator
VOLUME /var/lib/orchestrator
ENV DATABASE_URL=sqlite:////var/lib/orchestrator/orchestrator.db \
    ORCHESTRATOR_HTTP_BIND=0.0.0.0 \
    ORCHESTRATOR_HTTP_PORT=8006 \
    ORCHESTRATOR_HTTP_KEYS_FILE=/etc/orchestrator/keys \
    ORCHESTRATOR_HTTP_LOG_FORMAT=json
EXPOSE 8006
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${ORCHESTRATOR_HTTP_PORT} && printf 'GET /health HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r -t 4 answer <&3 && [[ $answer == *' 200 '* ]]"]
ENTRYPOINT ["orchestrator_http"]
