# How every Go program of the stack is built where its upstream image cannot be pulled (ADR-0001).
# The context is the program's own image/ folder: a go.mod and a complete go.sum that pin it (so the checksum
# database need not be asked). Engine 20.10's front end knows cache and secret mounts and no heredocs.
FROM debian:trixie-slim AS go
# trixie's Go is older than the modules ask for; forky has it. An expired Release file is no reason to stop.
RUN sed -i 's/trixie/forky/g' $(find /etc/apt/sources.list /etc/apt/sources.list.d -type f 2>/dev/null) \
 && apt-get -o Acquire::Check-Valid-Until=false update -q \
 && apt-get install -yq --no-install-recommends golang-1.26-go ca-certificates \
 && rm -rf /var/lib/apt/lists/*
ENV PATH=/usr/lib/go-1.26/bin:$PATH CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-buildvcs=false

FROM go AS build
ARG PACKAGES
ARG TAGS=netgo
# the linker variable that holds the program's version, and that version: a test asks the binary for it
ARG VERSION_VARIABLE=main.unused
ARG VERSION
# "built-name:/path/in/the/image ..." with the paths of the upstream image
ARG INSTALL
# a folder for data, owned by the user of the upstream image, so that a fresh volume is writable
ARG DATA=/data
ARG USER_ID=10001
WORKDIR /src
COPY . .
RUN --mount=type=secret,id=ca,target=/run/ca.pem \
    --mount=type=cache,target=/root/go --mount=type=cache,target=/root/.cache/go-build \
    if [ -s /run/ca.pem ]; then export SSL_CERT_FILE=/run/ca.pem; fi \
 && mkdir -p /out && go build -mod=readonly -trimpath -tags "$TAGS" \
      -ldflags="-s -w -X $VERSION_VARIABLE=$VERSION" -o /out/ $PACKAGES \
 && for pair in $INSTALL; do install -D "/out/${pair%%:*}" "/rootfs${pair#*:}"; done \
 && install -d -o "$USER_ID" -g "$USER_ID" "/rootfs$DATA" \
 && install -d -m 1777 /rootfs/tmp

FROM scratch AS bare
COPY --from=build /rootfs/ /
ARG USER_ID=10001
USER $USER_ID:$USER_ID

FROM debian:trixie-slim AS shell
# the upstream images have busybox's wget for their healthchecks
RUN apt-get update -q && apt-get install -yq --no-install-recommends busybox && rm -rf /var/lib/apt/lists/* \
 && ln -s /bin/busybox /usr/bin/wget
COPY --from=build /rootfs/ /
ARG USER_ID=10001
USER $USER_ID:$USER_ID
