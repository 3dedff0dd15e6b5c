# syntax=docker/dockerfile:1
# The command-line tools of the pipeline's steps, where images can be pulled. The local cluster builds the same three from Go modules.
FROM registry.k8s.io/kubectl:v1.34.1@sha256:59bafa07ff3a6d4b417e7633ddb9d79a9606ca98bf64bac080b3e65748669250 AS kubectl

FROM docker.io/library/golang:1.26.8-bookworm@sha256:a688600ca24f8a4d3ca77f95b0dd40704a9fc787c826660eb7ba0b641b8b175d AS go
ENV CGO_ENABLED=0 GOBIN=/out
RUN go install -trimpath -ldflags="-s -w" github.com/google/go-containerregistry/cmd/crane@v0.20.6 \
 && go install -trimpath -ldflags="-s -w" github.com/rakyll/hey@v0.1.4

FROM scratch
COPY --from=go /out/crane /out/hey /
COPY --from=kubectl /bin/kubectl /kubectl
