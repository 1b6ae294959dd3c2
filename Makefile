# `make` or `make help` lists the targets. CARGO_TARGET_DIR and M2M_BROKERS_DIR are honoured everywhere.
CARGO ?= cargo
BUS ?= memory
BUILT = $(or $(CARGO_TARGET_DIR),target)/debug
DEMO = --bus "$(BUS)" $(if $(TRAFFIC),--traffic "$(TRAFFIC)")

.PHONY: help demo test lint fmt brokers tools
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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

test: lint brokers ## lint, then every test, on a real NATS, Kafka and RabbitMQ
	$(CARGO) test --workspace --no-fail-fast

lint: tools ## formatting, clippy and documentation, any warning an error
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps

fmt: ## format everything
	$(CARGO) fmt --all

brokers: ## get NATS, Kafka and RabbitMQ for the tests, once, into a cache folder
	@tests/brokers.sh

tools: ## install, as root, what the build needs and is missing; else say what
	@tests/brokers.sh tools
