# Everything a person types. Each target does its own set-up, and only when something changed.
#   make demo DEMO_ARGS="--port 9000 --no-browser"
#   make test TEST_ARGS="tests/registry -x"

PYTHON ?= python3
TEST_ARGS ?= --numprocesses auto --dist loadgroup
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench soak lock vendor runtime developing testing

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: runtime ## Start the platform with real example models
	@$(BIN)/modelops demo $(DEMO_ARGS)

test: testing lint ## Check style, types and layers, then run all tests
	@$(BIN)/python -m pytest $(TEST_ARGS)

lint: developing ## Check style, types and layers
	@$(BIN)/python tools/lint.py

format: developing ## Put all code into the house's form
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

bench: testing ## Measure speed and memory (docs/benchmarks.md)
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

soak: testing ## Run the platform under load for a while and watch it
	@$(BIN)/python -m benchmarks soak $(SOAK_ARGS)

# The constraint keeps what the tests run and what people install at the same versions.
UV_COMPILE := uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate --no-header $(LOCK_ARGS)
lock: ## Lock all packages anew after pyproject.toml changed (needs uv; LOCK_ARGS=--upgrade)
	@$(UV_COMPILE) --group dev --output-file requirements-dev.lock
	@$(UV_COMPILE) --group build --constraint requirements-dev.lock --output-file requirements.lock

vendor: runtime ## Fetch the pinned browser files named in vendor.toml (needs npm)
	@$(BIN)/python tools/vendor.py

runtime:
	@$(PYTHON) tools/setup.py runtime

developing:
	@$(PYTHON) tools/setup.py lint

testing:
	@$(PYTHON) tools/setup.py tests
