# Everything a newcomer needs: `make run` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
GO ?= go
BIN := bin/domicile

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

.PHONY: build
build: ## build bin/domicile
	@mkdir -p bin
	$(GO) build -o $(BIN) ./cmd/domicile

.PHONY: run
run: build ## run two regions, a demo identity provider and a mail sink here (domicile dev)
	$(BIN) dev $(ARGS)

.PHONY: test
test: browser lint ## all tests: unit, laws, conversations and sign-in over real processes (about 7 minutes)
	$(GO) test -count=1 -timeout 20m ./...

.PHONY: race
race: ## the concurrent rooms under the race detector
	$(GO) test -race -count=1 -timeout 20m ./seal ./fsm/... ./cluster/... ./scim ./oidc/... ./apps ./console ./jobs/... ./httpapi/... ./telemetry

.PHONY: lint
lint: ## formatting and vet
	@test -z "$$(gofmt -l .)" || { echo "not gofmt-ed:"; gofmt -l .; exit 1; }
	$(GO) vet ./...

.PHONY: browser
browser: ## install Debian's Chromium where it is missing (the browser tests need it)
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq chromium; }

.PHONY: fuzz
fuzz: ## every fuzz target in turn for FUZZTIME (default 30s); FUZZFLAGS=-parallel=1 leaves the machine usable
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(or $(FUZZTIME),30s) $(FUZZFLAGS) $$pkg; done; done

.PHONY: conformance
conformance: ## the SCIM conversations, or those of CONVERSATIONS=directory, against a follower, as tables per provider and RFC section
	$(GO) test -count=1 -v -run TestConversations ./test/conformance $(if $(CONVERSATIONS),-conversations $(abspath $(CONVERSATIONS)))

.PHONY: attacks
attacks: browser ## the table of known attacks and of the OpenID Foundation's modules, each with its tests
	$(GO) run ./test/attacks

.PHONY: chaos
chaos: build ## two regions under load while leaders are killed, paused, partitioned, their disks filled
	$(GO) run ./test/chaos -binary $(BIN) $(ARGS)

.PHONY: simulate
simulate: build ## each provider's dialect with 10,000 users and 500 groups while leaders are killed (about 7 minutes)
	$(GO) run ./test/simulate -binary $(BIN) $(ARGS)

.PHONY: interop
interop: build ## with a certified provider and stock clients of others (needs Node.js and npm)
	cd test/interop/node && npm ci --no-audit --no-fund --silent
	DOMICILE_BINARY=$(CURDIR)/$(BIN) $(GO) -C test/interop test -count=1 -v ./...

.PHONY: upgrade
upgrade: build ## every released commit taken to the present one, node by node, under load (needs the history)
	$(GO) run ./test/upgrade -binary $(BIN) $(ARGS)

.PHONY: bench
bench: build etcd ## load on a 3-node region beside bare gin, bare raft and etcd, interleaved
	$(GO) -C test/bench run . -binary $(CURDIR)/$(BIN) $(ARGS)

.PHONY: etcd
etcd: ## install Debian's etcd-server where it is missing (the yardstick of make bench)
	@command -v etcd >/dev/null || { apt-get update -qq && apt-get install -y -qq etcd-server; }

.PHONY: clean
clean: ## remove what the targets above made here
	rm -rf bin .dev
