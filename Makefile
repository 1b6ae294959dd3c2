# `make` or `make help` lists the targets. CARGO_TARGET_DIR and M2M_BROKERS_DIR are honoured everywhere.
CARGO ?= cargo
BUS ?= memory
# Seconds for each fuzz target.
TIME ?= 300
FUZZ_DIR = $(abspath $(or $(CARGO_TARGET_DIR),target)/fuzz)
SHELL := /bin/bash
BUILT = $(or $(CARGO_TARGET_DIR),target)/debug
DEMO = --bus "$(BUS)" $(if $(TRAFFIC),--traffic "$(TRAFFIC)")

# What the benchmarks measure against is part of the build, so that their smoke tests run.
ALL = --workspace --features m2m-bench/reference

# For the bench targets: a folder with `traffic/*.jsonl`, else messages are generated; MORE for the program's other flags.
DATA ?= $(wildcard ../shared/data)
BENCH = $(CARGO) run -q -p m2m-bench --features reference
MEASURE = --out $(or $(CARGO_TARGET_DIR),target)/bench $(if $(DATA),--data "$(DATA)") $(MORE)

PARTS = codec micro scan secure storage adapters overhead relay $(if $(DATA),threats)

.PHONY: help demo test lint fmt fuzz fuzz-smoke brokers tools bench $(PARTS:%=bench-%) bench-threats
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: tools ## see agent messages wrapped, relayed and opened; BUS=real over real brokers, TRAFFIC=FOLDER your own messages
ifeq ($(BUS),real)
	@$(CARGO) build -p m2m-demo -p m2m-tests --bins
	@tests/brokers.sh
	@echo "starting NATS, Kafka and RabbitMQ, which takes some ten seconds"
	@$(BUILT)/with-brokers $(BUILT)/m2m-demo $(DEMO)
else
	@$(CARGO) build -p m2m-demo
	@$(CARGO) run -q -p m2m-demo -- $(DEMO)
endif

test: lint brokers fuzz-smoke ## lint, then every test, on a real NATS, Kafka and RabbitMQ
	$(CARGO) test $(ALL) --no-fail-fast

lint: tools ## formatting, clippy and documentation, any warning an error
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(ALL) --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps

fuzz: ## fuzz the engine with cargo-fuzz and a nightly toolchain, TIME=300 seconds for each target
	@cd engine && for target in peek open open_secured session scan; do \
		$(CARGO) +nightly fuzz run --target-dir "$(FUZZ_DIR)" $$target -- -max_total_time=$(TIME) -max_len=4096 -timeout=30 || exit; \
	done

# Without cargo-fuzz the same bodies run all the same: the engine's property tests call them.
fuzz-smoke:
	@if $(CARGO) +nightly fuzz --version >/dev/null 2>&1; then \
		$(MAKE) --no-print-directory fuzz TIME=5 2>&1 | grep -E '^Done|panicked|ERROR|error|Base64' ; test $${PIPESTATUS[0]} -eq 0; \
	else \
		echo "cargo-fuzz with a nightly toolchain is not there: its targets run as property tests only"; \
	fi

bench: $(PARTS:%=bench-%) ## measure everything against what users would pick instead; DATA=FOLDER recorded messages; tables under target/bench

bench-codec: ## the codec against the reference implementation, and general compressors
	@$(BENCH) --release -- codec $(MEASURE)

bench-scan: ## screening against the reference implementation's scanner
	@$(BENCH) --release -- scan $(MEASURE)

bench-threats: ## what the threat rules find in DATA/threats.*.jsonl, what they flag wrongly, and what evades them
	@$(BENCH) --release -- threats $(MEASURE)

bench-micro: ## allocations, time and instructions of the hot paths; RECORD=1 records the instructions as the new baseline
	@$(CARGO) build -q --release -p m2m-bench --bins --features reference
	@$(or $(CARGO_TARGET_DIR),target)/release/micro $(if $(RECORD),--record)

bench-secure: ## signing and encrypting a message against the bare primitives, by size
	@$(BENCH) --release -- secure $(MEASURE)

bench-storage: brokers ## bytes on the broker: what Kafka's and NATS's own compression makes of the messages
	@$(BENCH) --release -- storage $(MEASURE)

bench-adapters: brokers ## bare clients against wrapped ones, on real brokers
	@$(BENCH) --release -- adapters $(MEASURE)

bench-overhead: brokers ## what the adapters add with framing and screening off, beside what the bare client differs from itself
	@$(CARGO) build -q --release -p m2m-bench --bins --features reference
	@$(or $(CARGO_TARGET_DIR),target)/release/m2m-bench overhead $(MEASURE)

bench-relay: brokers ## the relay against the bare clients in a loop
	@$(BENCH) --release -- relay $(MEASURE)

fmt: ## format everything
	$(CARGO) fmt --all

brokers: ## get NATS, Kafka and RabbitMQ for the tests, once, into a cache folder
	@tests/brokers.sh

tools: ## install, as root, what the build needs and is missing; else say what
	@tests/brokers.sh tools
