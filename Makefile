# make run        set up and run the gateway on port 8080 before a demo backend      (Ctrl-C stops everything)
# make test       set up and run the tests, on all cores; OPTIONS="..." are for pytest
# make test-slow  the few tests that take many seconds and rarely break
# make check      formatting, lint, types, the rules of the house, the shipped configuration
# make fuzz       random input for everything that reads requests, 60 s; SECONDS=600 is longer, TARGET=json one harness alone
# make bench      measure the gateway beside Envoy, HAProxy, nginx, Traefik and aiohttp; QUICK=1 is short, SOAK=1 the soak
# make soak       the memory of a worker over 200,000 requests
# make lock       resolve pyproject.toml anew into the lock files
# make clean      remove everything the above have made
#
# PYTHON=/path/to/python3.12 chooses the interpreter; otherwise the quickest python3 on the PATH is taken, 3.11 at least.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-slow check fuzz bench soak lock clean

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
NODE := tests/trpc
EDITORS := tests/editors

help:
	@sed -n '/^# make/s/^# //p' Makefile

run: $(VENV)/run.stamp
	@exec $(BIN)/gateway run --demo

test: $(VENV)/test.stamp $(NODE)/node_modules/.stamp $(EDITORS)/node_modules/.stamp
	@scripts/setup
	@scripts/test $(OPTIONS)

test-slow: $(VENV)/test.stamp
	@scripts/setup --slow
	@scripts/test-slow

check: $(VENV)/test.stamp
	@scripts/check

fuzz: $(VENV)/test.stamp
	@scripts/fuzz "$(or $(SECONDS),60)" "$(TARGET)" "$(INPUT)"

bench: $(VENV)/run.stamp
	@scripts/bench

soak: $(VENV)/test.stamp
	@scripts/soak

lock:
	@scripts/lock --upgrade

clean:
	rm -rf $(VENV) .cache .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache *.egg-info build $(NODE)/node_modules $(EDITORS)/node_modules
	find gateway tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps make the second call quick: a step runs again only when what it installs has changed.
$(BIN)/python:
	@$$(scripts/python) -m venv $(VENV)

$(VENV)/run.stamp: requirements.lock requirements-build.lock pyproject.toml | $(BIN)/python
	@echo "Installing the gateway and its packages into $(VENV)"
	@$(PIP) install --quiet --require-hashes --only-binary :all: -r requirements.lock -r requirements-build.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/test.stamp: requirements-test.lock $(VENV)/run.stamp
	@echo "Installing the test packages into $(VENV)"
	@$(PIP) install --quiet --require-hashes --only-binary :all: -r requirements-test.lock
	@touch $@

$(NODE)/node_modules/.stamp: WHAT := the tRPC client and server
$(EDITORS)/node_modules/.stamp: WHAT := the language server of editors
%/node_modules/.stamp: %/package-lock.json %/package.json
	@scripts/setup
	@echo "Installing $(WHAT) into $*/node_modules"
	@cd $* && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
