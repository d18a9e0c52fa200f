# syntax=docker/dockerfile:1
FROM python:3.12-slim AS build

WORKDIR /src
# The libraries first: this layer changes with the pinned versions only.
COPY pyproject.toml constraints.txt ./
RUN python -m venv --without-pip /opt/dogdriver \
 && python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > requirements.txt \
 && pip --python /opt/dogdriver install --no-cache-dir --no-compile --constraint constraints.txt --requirement requirements.txt
COPY README.md LICENSE ./
COPY dogdriver dogdriver
# Compiled here, for the user of the image cannot write there; not so the tests of the libraries, nor Datadog's models
# (9,000 files, of which some twenty are imported).
RUN pip --python /opt/dogdriver install --no-cache-dir --no-compile --no-deps . \
 && /opt/dogdriver/bin/python -m compileall -q -x '/tests/|datadog_api_client/v[12]/' /opt/dogdriver/lib

ARG VERSION=""
ARG COMMIT=""
ARG SOURCE=""
ARG BUILD=""
COPY bin/version-json bin/version-json
RUN mkdir /app && /opt/dogdriver/bin/python bin/version-json "$VERSION" "$COMMIT" "$SOURCE" "$BUILD" > /app/version.json


FROM python:3.12-slim

# git fetches the test repositories, over ssh too. Its version is Debian's: a security update must get in.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates git openssh-client \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 app \
 && useradd --uid 10001 --gid app --home-dir /data --no-create-home --shell /usr/sbin/nologin app \
 && install --directory --owner=app --group=app --mode=0750 /data
COPY --from=build /opt/dogdriver /opt/dogdriver
COPY --from=build /app /app

ENV PATH=/opt/dogdriver/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DOGDRIVER_HOST=0.0.0.0 \
    DOGDRIVER_PORT=8080 \
    DOGDRIVER_DATA=/data
WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 8080
# The port is read from the environment, as the daemon itself does (Kubernetes may put an address there); no proxy is asked.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; p = next(p for p in (os.environ.get('DOGDRIVER_PORT'), os.environ.get('PORT'), '8080') if p and p.isdecimal()); u.build_opener(u.ProxyHandler({})).open(f'http://127.0.0.1:{p}/__lbheartbeat__', timeout=4)"]
CMD ["dogdriver"]
