# The image as make image makes it, for those who have a container engine or Cloud Build.
# A program and nothing else: certificate authorities and time zones are in it (cmd/flowpos/image.go).
FROM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY cmd cmd
COPY internal internal
COPY migrations migrations
RUN CGO_ENABLED=0 GOOS=linux GOARCH=amd64 GOAMD64=v1 go build -trimpath -tags image -ldflags "-s -w" -o /flowpos ./cmd/flowpos

FROM scratch
COPY --from=build /flowpos /flowpos
USER 65532:65532
EXPOSE 4000
ENTRYPOINT ["/flowpos"]
CMD ["serve"]
