# What a developer does here, by name. `make` alone lists it.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.up-to-date
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input

# The web terminal: built from web/ with the Node.js that the environment brings, its libraries pinned with hashes.
NPM       := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix web --no-update-notifier --loglevel=error
LIBRARIES := web/node_modules/.package-lock.json
PAGES     := gateway/web/built/index.html

PACKAGES := gateway matching registry_bridge settlement

# More arguments for pytest: `make test ARGS=tests/matching`, `make bench ARGS='-k book'`.
ARGS ?=

SHELL         := /bin/bash
.SHELLFLAGS   := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run test check format bench soak lock clean

help:  ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: $(STAMP) $(PAGES)  ## make .venv with everything a developer needs; quick when nothing changed

# The pins are installed with their hashes checked, then the project itself in place, without asking for
# anything more. Nothing here needs an activated environment or more rights than writing to this directory.
$(STAMP): pyproject.toml requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; '$(PYTHON)' is not. Name another: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(PIP) --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --quiet --require-hashes --requirement requirements/dev.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Scripts of packages are not run: what is needed of them comes ready made. Not `npm ci`: it refuses a lock file that lacks
# the binaries of other systems, which not every mirror has. --no-save leaves the lock file as it is, its hashes are held.
$(LIBRARIES): web/package.json web/package-lock.json web/.npmrc | $(STAMP)
	$(NPM) install --no-save --ignore-scripts
	@touch $@

$(PAGES): $(LIBRARIES) $(shell find web -name node_modules -prune -o -type f -print)
	$(NPM) run --silent build
	@touch $@

run: setup  ## start the whole exchange with example data, until Ctrl-C
	@exec $(BIN)/puhui serve --demo

# A suite that takes longer than a quarter of an hour is not run often enough, so that is a failure. Three workers, since
# two leave two cores idle while they wait for other processes; a file to each in turn: its tests share what they have started.
test: setup  ## run every test that ends within minutes
	timeout --kill-after=30 900 $(BIN)/pytest -n 3 --dist loadfile -p no:benchmark --durations=15 --durations-min=1 $(ARGS)

check: setup  ## formatting, lint, types, and the arrows between the packages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(NPM) run --silent check
	$(BIN)/pytest -q tests/architecture

format: setup  ## format, and mend what can be mended without thought
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(NPM) run --silent format

bench: setup  ## measure; compare with an earlier run by ARGS=--benchmark-compare
	$(BIN)/pytest benchmarks --benchmark-only --benchmark-autosave --timeout=0 $(ARGS)

soak: setup  ## run for a long time and look for leaks and drift
	$(BIN)/pytest -m soak --timeout=0 --capture=no $(ARGS)

lock: setup  ## pin again what pyproject.toml asks for; newest versions with ARGS=--upgrade
	$(LOCK) pyproject.toml --output-file requirements/run.txt
	$(LOCK) pyproject.toml --group dev --constraints requirements/run.txt --output-file requirements/dev.txt

# One set of pins for every supported Python and platform; no index is named, so any mirror serves.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
       --no-header --no-emit-index-url --no-emit-find-links --constraints requirements/constraints.in $(ARGS)

clean:  ## remove what tools left behind, but not .venv
	rm -rf build dist htmlcov .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find $(PACKAGES) benchmarks tests -name __pycache__ -type d -prune -exec rm -rf {} +
