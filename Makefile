# make help lists what there is. Everything works on a new machine with Go, PostgreSQL's binaries and redis-server (on
# Debian without the last two); the clients need Node and npm too. Whatever else a target needs it gets by itself, in
# versions pinned in go.mod and clients/package.json.

GO        ?= go
# More tests at once than there are cores: many wait for a fault to pass. make lint has vet; who reads no core dumps needs no DWARF.
TESTFLAGS ?= -race -vet=off -ldflags=-w -parallel 4 -timeout 20m
PACKAGES  ?= ./...
VIOLATIONS = '^TestBroken' # promises broken on purpose, to see that the tests of faults notice
WITHREDIS  = $(GO) run ./internal/session/redistest/cmd/withredis --
FUZZTIME  ?= 3s

.DEFAULT_GOAL := help
.PHONY: help build image test violations fuzz soak soak-alone soak-faults soak-cluster soak-fuzz lint oracle clients browser bench check docs snapshots vuln update clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## bin/flowpos
	$(GO) build -o bin/flowpos ./cmd/flowpos

image: ## bin/flowpos-image.tar: the container image, made without a container engine, unpacked and started in a test
	$(GO) run ./deploy/image build
	$(GO) test -tags image -count=1 ./deploy/...

test: ## Go tests with the race detector, on a real PostgreSQL and Redis that they share; the seeds of the fuzz targets are among them
	$(GO) run ./internal/postgres/dbtest/cmd/withpostgres -- $(WITHREDIS) $(GO) tool gotestsum --format pkgname-and-test-fails --format-hide-empty-pkg -- $(TESTFLAGS) -skip $(VIOLATIONS) $(PACKAGES)

violations: ## The fault tests themselves, tried against promises that are broken on purpose; on a calm machine, for a late one hides a late answer. About five minutes
	$(GO) run ./internal/postgres/dbtest/cmd/withpostgres -- $(WITHREDIS) $(GO) test $(TESTFLAGS) -p 1 -count=1 -run $(VIOLATIONS) ./internal/app ./internal/cluster

fuzz: ## Each fuzz target for FUZZTIME=3s
	$(GO) run ./internal/postgres/dbtest/cmd/withpostgres -- .ci/fuzz $(FUZZTIME)

soak: ## What takes long or wants the machine for itself: 500 slow clients, a greedy business, the fault tests ten times, those of several instances at length, each fuzz target for a minute
	$(MAKE) --keep-going --no-print-directory soak-alone soak-faults soak-cluster soak-fuzz

soak-alone:
	$(GO) run ./internal/postgres/dbtest/cmd/withpostgres -- $(GO) test -tags soak -run Soak -v -count=1 -p 1 ./internal/...
soak-faults:
	$(GO) run ./internal/postgres/dbtest/cmd/withpostgres -- $(WITHREDIS) $(GO) test $(TESTFLAGS) -run TestFaults -count=10 -timeout 30m ./internal/app
soak-cluster:
	$(GO) run ./internal/postgres/dbtest/cmd/withpostgres -- $(WITHREDIS) $(GO) test -tags soak -v -count=1 -timeout 60m -run 'TestFaults|TestBroken|TestOld' ./internal/cluster
soak-fuzz:
	$(GO) run ./internal/postgres/dbtest/cmd/withpostgres -- .ci/fuzz 1m guided

lint: ## gofmt, vet, staticcheck
	@unformatted=$$(gofmt -l bench cmd deploy internal migrations); if [ -n "$$unformatted" ]; then echo "gofmt -w these files:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags fixtures ./internal/app/
	$(GO) vet -tags soak ./internal/app/ ./internal/cluster/
	$(GO) vet -tags clients ./internal/cluster/
	$(GO) vet -tags browser ./internal/web/
	$(GO) vet -tags image ./cmd/flowpos/ ./deploy/image/
	@if command -v shellcheck >/dev/null; then shellcheck -x deploy/*.sh; else echo "shellcheck is not here: deploy/*.sh were not looked at (Debian: apt-get install shellcheck)"; fi
	$(GO) tool staticcheck ./...

oracle: ## The authorization server against another implementation, fosite: a module of its own, which takes minutes to build the first time
	$(GO) -C internal/oauth/oracle vet ./...
	$(GO) run ./internal/postgres/dbtest/cmd/withpostgres -- $(GO) -C internal/oauth/oracle test -count=1 ./...

clients: build ## Real MCP clients and conformance suites against the built server (see clients/README.md)
	$(GO) build -tags fixtures -o bin/flowpos-fixtures ./cmd/flowpos
	clients/run --binary bin/flowpos --fixtures-binary bin/flowpos-fixtures $(SUITES)
	$(if $(SUITES),,clients/run --binary bin/flowpos --fixtures-binary bin/flowpos-fixtures --front off conformance typescript inspector)
	$(if $(SUITES),,$(GO) run ./internal/postgres/dbtest/cmd/withpostgres -- $(WITHREDIS) $(GO) test -tags clients -v -count=1 -run TestTypeScript ./internal/cluster)

browser: ## The pages in a real Chromium: policy, accessibility, keyboard, no JavaScript; SHOTS=folder keeps pictures, QUICK=1 one theme and language
	$(GO) test -tags browser -v -count=1 -timeout 40m -run TestBrowser ./internal/web

bench: build ## Figures against a bare handler, Node and sessions in memory: QUICK=1 in four minutes, ROWS=list,… some, RECORD=1 into docs/measurements.md, PROFILE=folder (see bench/README.md)
	$(GO) build -o bin/bench ./bench
	$(GO) build -o bin/bench-floor ./bench/floor
	$(GO) build -o bin/bench-ours ./bench/ours
	$(GO) build -tags fixtures -o bin/bench-ours-fixtures ./bench/ours
	bin/bench $(if $(QUICK),-quick) $(if $(RECORD),-record docs/measurements.md) $(if $(ROWS),-rows $(ROWS)) $(if $(PROFILE),-profile $(PROFILE)) $(BENCHFLAGS)

check: lint test fuzz violations oracle clients browser image ## All of the above: what must be green before anyone reads a change

docs: ## Write docs/tools.md anew from the Specs
	$(GO) run ./cmd/flowpos tools > docs/tools.md.new && mv docs/tools.md.new docs/tools.md

snapshots: ## Write the snapshots of what clients see anew; read the difference before you commit it
	$(GO) run ./internal/postgres/dbtest/cmd/withpostgres -- $(GO) test ./internal/app -run Snapshot -update

vuln: ## Known vulnerabilities in what we use (needs the internet)
	$(GO) tool govulncheck ./...

update: ## Newer versions of Go modules; run make check afterwards and read what changed
	$(GO) get -u ./...
	$(GO) mod tidy
	$(GO) -C internal/oauth/oracle mod tidy

clean: ## Remove what the targets made
	rm -rf bin .tools clients/node_modules clients/firebase/node_modules clients/browser/node_modules bench/node/node_modules
