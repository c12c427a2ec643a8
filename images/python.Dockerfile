# How our own Python services, and Bugsink, become images: Debian's Python 3.13 (built with PGO) and a hashed
# requirements.txt from the service's folder, which is the context.
FROM debian:trixie-slim AS python
RUN apt-get update -q && apt-get install -yq --no-install-recommends python3 ca-certificates && rm -rf /var/lib/apt/lists/*

FROM python AS build
RUN apt-get update -q && apt-get install -yq --no-install-recommends python3-venv && rm -rf /var/lib/apt/lists/*
COPY requirements.txt /requirements.txt
RUN --mount=type=secret,id=ca,target=/run/ca.pem --mount=type=cache,target=/root/.cache/pip \
    if [ -s /run/ca.pem ]; then export PIP_CERT=/run/ca.pem; fi \
 && python3 -m venv /venv \
 && /venv/bin/pip install --disable-pip-version-check --no-input --require-hashes --no-deps --only-binary :all: -r /requirements.txt \
 && /venv/bin/pip uninstall --yes --quiet pip

FROM python
COPY --from=build /venv /venv
COPY . /app
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app/src PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# the root file system is read-only at run time: compile now
RUN python3 -m compileall -q /app
ARG DATA=/data
ARG USER_ID=10001
RUN install -d -o "$USER_ID" -g "$USER_ID" "$DATA"
# what a service wants done once, at build time, as its own user (Bugsink: a migrated empty database)
ARG SETUP=true
USER $USER_ID:$USER_ID
RUN $SETUP
WORKDIR /app
