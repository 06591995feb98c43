# Two stages: the first one installs, the second one holds only what runs.
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/gateway \
 && /opt/gateway/bin/pip install --require-hashes --only-binary :all: -r requirements.lock -r requirements-build.lock
COPY pyproject.toml README.md ./
COPY gateway gateway
RUN /opt/gateway/bin/pip install --no-deps --no-build-isolation . \
 && /opt/gateway/bin/pip uninstall --yes setuptools pip \
 && chmod -R a+rX,go-w /opt/gateway

FROM python:3.13-slim
# Any user may run it, known here or not: OpenShift picks one for each project, of group 0. So what is read is readable for
# all, whatever the modes were where the image was built, and the one folder that is written to is as /tmp is. What a run makes
# in it is its user's alone.
RUN groupadd --gid 10001 gateway \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin gateway
COPY --from=build /opt/gateway /opt/gateway
COPY upstreams.yaml /etc/gateway/upstreams.yaml
COPY policies /etc/gateway/policies
RUN chmod -R a+rX,go-w /etc/gateway \
 && install -d -o 10001 -g 0 -m 1777 /etc/gateway/var

ENV PATH=/opt/gateway/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    GATEWAY_ENV=production
# docker build --build-arg GATEWAY_REVISION=$(git rev-parse HEAD): what /health and `gateway --version` name.
ARG GATEWAY_REVISION=""
ENV GATEWAY_REVISION=$GATEWAY_REVISION
WORKDIR /etc/gateway
# The number and not the name, so that Kubernetes can tell that it is not root.
USER 10001:10001

# The only place that is written to (`state.path`), so the rest can be mounted read-only: docker run --read-only.
VOLUME /etc/gateway/var
EXPOSE 8080

# Ready, not only alive: a gateway that drains is taken out before it goes. By http.client, since urllib would ask the proxy of
# HTTP_PROXY, which Docker puts into every container of a host that has one. With TLS or another port: docker run --health-cmd.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8080, timeout=2); c.request('GET', '/health/ready'); raise SystemExit(c.getresponse().status != 200)"]

# SIGTERM drains; the process is the supervisor itself, not a shell before it.
STOPSIGNAL SIGTERM
ENTRYPOINT ["gateway"]
CMD ["run", "--config", "upstreams.yaml"]
