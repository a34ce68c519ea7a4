# What a newcomer runs: make demo, make test. See README.md.

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
PREFIX   ?= /usr/local
SHARE    := $(DESTDIR)$(PREFIX)/share
LDFLAGS  := -s -w -X github.com/lvsup/lvsup/internal/build.stamp=$(VERSION)
AGENTS   := internal/agentbin/bin/lvsup-agent-linux-amd64.gz internal/agentbin/bin/lvsup-agent-linux-arm64.gz
SOURCES  := $(shell find agent cmd coordinator hcl internal plans -name '*.go' -not -name '*_test.go') \
            $(shell find internal/lab -type f -not -name '*.go') go.mod go.sum
STATIC   := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)'
TOOLS    := $(GO) run -modfile=tools/go.mod

# A target whose making was cut short (a full disk) is no newer target.
.DELETE_ON_ERROR:

.PHONY: FORCE root build install check test soak bench bench-quick bench-ipvs demo fmt lint lab-deps test-deps bench-deps clean

build: bin/lvsup ## build bin/lvsup with its agents inside

# Coordinator and agent must carry one stamp, so both are built anew when it
# changes.
bin/.version: FORCE
	@mkdir -p bin
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@
FORCE:

bin/lvsup: $(AGENTS) $(SOURCES) bin/.version
	@mkdir -p bin
	$(STATIC) -o $@ ./cmd/lvsup

internal/agentbin/bin/lvsup-agent-linux-%.gz: $(SOURCES) bin/.version
	GOOS=linux GOARCH=$* $(STATIC) -o bin/$(@F:.gz=) ./cmd/lvsup-agent
	gzip -9nf bin/$(@F:.gz=)
	mv bin/$(@F) $@

# What make build made is installed as it is: root need not have Go.
install: ## put lvsup, its manual and its completions below PREFIX (/usr/local); DESTDIR is honoured
	@[ -x bin/lvsup ] || { echo "lvsup: there is no bin/lvsup to install: run make build first" >&2; exit 1; }
	install -D -m 0755 bin/lvsup $(DESTDIR)$(PREFIX)/bin/lvsup
	bin/lvsup man $(SHARE)/man/man1
	install -d $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions $(SHARE)/fish/vendor_completions.d
	bin/lvsup completion bash >$(SHARE)/bash-completion/completions/lvsup
	bin/lvsup completion zsh >$(SHARE)/zsh/site-functions/_lvsup
	bin/lvsup completion fish >$(SHARE)/fish/vendor_completions.d/lvsup.fish

check: ## the quick loop: needs neither root nor a lab
	@scripts/format-check
	$(GO) vet ./...
	$(GO) test ./...

lint: ## formatting, vet and staticcheck, every build tag
	@scripts/format-check
	$(GO) vet -tags 'linuxroot lab soak' ./...
	$(TOOLS) honnef.co/go/tools/cmd/staticcheck -tags 'linuxroot lab soak' ./...

test: root test-deps build ## every test, the lab's included (root)
	scripts/test

soak: root test-deps build ## every fault point and random case (root, long)
	LVSUP_SOAK=1 scripts/test

bench: root bench-deps lab-deps build bin/lvsup-bench ## against Ansible and OpenSSH, up to 1,000 hosts (root, under 45 minutes; wants an idle machine)
	bin/lvsup-bench

bench-quick: root bench-deps build bin/lvsup-bench ## the same with fewer hosts (root, under 5 minutes)
	bin/lvsup-bench -quick

bin/lvsup-bench: $(AGENTS) $(SOURCES) $(shell find internal/bench/task -type f) bin/.version
	$(STATIC) -o $@ ./cmd/lvsup-bench

bench-ipvs: ## load, read and change 10,000 backends, against ipvsadm (minutes; wants an idle machine)
	UMLTEST_TIMEOUT=40m $(GO) test -tags lab -count 1 -timeout 45m -run TestBenchIPVS -v ./internal/step/ipvs/ipvsbench

demo: root lab-deps build ## the tutorial's two clusters, from nothing (root)
	scripts/demo

root:
	@[ "$$(id -u)" = 0 ] || { echo "lvsup: $(MAKECMDGOALS) boots a lab, and that needs root: run it with sudo (make check does not)" >&2; exit 1; }

lab-deps: ## install what the lab needs (root, Debian)
	@scripts/install-deps internal/lab/packages.txt

test-deps: ## install what the tests need (root, Debian)
	@scripts/install-deps internal/lab/packages.txt scripts/test-packages.txt

bench-deps: ## install what make bench needs (root, Debian)
	@scripts/install-deps scripts/bench-packages.txt

fmt: ## format the code
	gofmt -w agent cmd coordinator hcl internal plans

clean: ## remove what make build made
	rm -rf bin internal/agentbin/bin/*.gz
