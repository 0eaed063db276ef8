# Footfall. `make run` starts a collector, `make test` tests it; both install what is missing.

SHELL := /bin/bash
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

# What the collector needs, and what its tests need besides.
PACKAGES := libevent-dev libxxhash-dev libzstd-dev
TEST_PACKAGES := chromium curl procps python3-venv strace util-linux zstd
BENCHMARK_PACKAGES := nginx-light wrk python3
# From PyPI: readers of the log that have nothing of Footfall in them.
PYTHON_PACKAGES := xxhash==4.1.0 duckdb==2.0.0

# Flags for every build; CI makes warnings errors.
SWIFT_FLAGS ?=
# More arguments for `footfall serve`.
ARGS ?=

BINARY := .build/release/footfall
VENV := .build-venv
SWIFT_SOURCES := Package.swift Sources Tests $(wildcard Benchmarks)

.PHONY: run build test test-crash bench-nginx lint format packages test-packages clean

run: build
	exec $(BINARY) serve $(ARGS)

build: $(BINARY)

$(BINARY): Package.swift $(shell find Sources -type f) | packages
	swift build -c release --product footfall $(SWIFT_FLAGS)
	touch $@

test: build test-packages $(VENV)
	swift build --build-tests $(SWIFT_FLAGS)
	FOOTFALL_BINARY=$(CURDIR)/$(BINARY) FOOTFALL_PYTHON=$(CURDIR)/$(VENV)/bin/python \
		swift test --skip-build $(SWIFT_FLAGS)

# The crash tests at length: rounds of load and kill -9 for each class of durability.
test-crash: build
	swift build --build-tests $(SWIFT_FLAGS)
	FOOTFALL_BINARY=$(CURDIR)/$(BINARY) FOOTFALL_CRASH_ROUNDS=$(or $(ROUNDS),200) \
		swift test --skip-build $(SWIFT_FLAGS) --filter IntegrationTests.CrashTests

# CPU per hit beside nginx with an access log.
bench-nginx: build
	$(call install,$(BENCHMARK_PACKAGES))
	python3 Benchmarks/NginxComparison/compare.py --footfall $(BINARY)

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
	rm -rf .build $(VENV)

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
