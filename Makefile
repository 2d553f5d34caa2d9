# Two commands do everything on a fresh machine: `make serve` and `make test`.
# All that they need beyond Python 3.11+, make and a package registry is installed into .venv and .clients.

PYTHON ?= python3
BIN := .venv/bin
DATA ?= data
HOST ?= 127.0.0.1
PORT ?= 8080
ARGS ?=
# Processes that tests run in; each takes whole modules. They wait for servers more than they compute, so more than cores.
WORKERS ?= 3
# Trials and floods measure how long others wait: they run by themselves.
TIMED := tests/trials tests/floods

# Without bytecode on disk each start of a process compiles every module again, for a second or more.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-tools setup-tests serve test check bench soak clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: .venv/.stamp ## Make the environment of the server in .venv

.venv/.stamp: pyproject.toml uv.lock scripts/setup.sh
	@PYTHON=$(PYTHON) sh scripts/setup.sh
	@touch $@

.venv/.stamp-tests: pyproject.toml uv.lock scripts/setup.sh
	@PYTHON=$(PYTHON) sh scripts/setup.sh tests
	@touch .venv/.stamp $@

setup-tools: .venv/.stamp-tests # Also the tools for checks, tests and benchmarks

setup-tests: setup-tools ## Also the official SDKs, Node packages and servers that the tests use
	@$(BIN)/python tests/clients/setup_clients.py

serve: setup ## Run the server (DATA=, HOST=, PORT=, ARGS=)
	@$(BIN)/heliograph serve --data $(DATA) --host $(HOST) --port $(PORT) $(ARGS)

check: setup-tools ## Types, style, layers
	$(BIN)/ruff format --check src tests bench
	$(BIN)/ruff check src tests bench
	$(BIN)/mypy
	$(BIN)/lint-imports

test: setup-tests check ## All checks and tests, against real servers and the official SDKs
	$(BIN)/pytest -n $(WORKERS) --dist loadfile $(or $(ARGS),$(foreach folder,$(TIMED),--ignore=$(folder)))
	$(if $(ARGS),,$(BIN)/pytest $(TIMED))

bench: setup-tools ## Measure speed and memory (see docs/benchmarks.md)
	$(BIN)/python -m bench $(ARGS)

soak: setup-tests ## Longer trials: 50 crash rounds on each store, five minutes of octets
	HELIOGRAPH_CRASH_ROUNDS=50 $(BIN)/pytest --timeout 0 tests/crash $(ARGS)
	HELIOGRAPH_FUZZ_SECONDS=300 $(BIN)/pytest --timeout 0 tests/fuzz/test_smpp_octets.py $(ARGS)

clean: ## Remove what setup made
	rm -rf .venv .clients tests/clients/node/node_modules
