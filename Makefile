# Everything people, pre-commit and CI run. `make run` and `make test` set themselves up.
#
#   make run REPO=~/src/project    a look at a repository with the embedded pocket model
#   make test                      the normal tests
#   make check                     lint, types and tests
#
# On Linux pip takes torch with CUDA from PyPI. Without a GPU, save the download:
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make run

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PACKAGES := $(wildcard configs models memory agent lsp tui)
# mypy needs the packages under the name by which they are imported.
TYPES := .cache/types

REPO ?= .
MODEL ?= pocket
ARGS ?=
# A process for each core: much of what tests take is waiting for the disk and for programs that start.
WORKERS ?= -n logical --maxprocesses 8 --dist worksteal

FIND_PYTHON := for name in python3 python3.13 python3.12 python3.11; do \
	if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	command -v $$name; exit 0; fi; done; \
	echo 'make: no Python 3.11 or newer on PATH; install one (on Debian and Ubuntu: apt install python3 python3-venv)' >&2; exit 1

.PHONY: help setup run test check lint types slow bench soak wheel clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

setup: $(INSTALLED)  ## make the virtual environment, once

$(INSTALLED): pyproject.toml constraints.txt
	@if ! $(BIN)/python -c '' 2>/dev/null; then \
		python=$$($(FIND_PYTHON)); \
		echo "making $(VENV) with $$python"; \
		"$$python" -m venv --clear $(VENV); \
	fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,train,eval,wandb,acp,mcp,packs]'
	@touch $@

run: setup  ## open REPO (default: this one) in the app; without a terminal, answer one question about it
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/megacontext chat --repo "$(REPO)" --model "$(MODEL)"; \
	else $(BIN)/megacontext tour "$(REPO)" --model "$(MODEL)"; fi

test: setup  ## the normal tests
	$(BIN)/python -m pytest -q $(WORKERS) $(ARGS)

slow: setup  ## the tests that take minutes
	$(BIN)/python -m pytest -q -m slow $(ARGS)

check: lint types test  ## lint, types and tests

lint: setup  ## style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup  ## strict types
	@mkdir -p $(TYPES)/megacontext
	@$(foreach package,$(PACKAGES),ln -sfn "$(CURDIR)/$(package)" $(TYPES)/megacontext/$(package);)
	cd $(TYPES) && "$(abspath $(BIN))/mypy" --config-file "$(CURDIR)/pyproject.toml" $(foreach package,$(PACKAGES),-p megacontext.$(package))

bench: setup  ## the benchmarks: a table, and JSON beside it
	$(BIN)/python -m tests.benchmarks $(ARGS)

soak: setup  ## what may go wrong, on purpose: 75 minutes, or ARGS=--quick
	$(BIN)/python -m tests.soak $(ARGS)

wheel: setup  ## build dist/*.whl
	rm -rf build dist
	$(BIN)/python -m build --wheel --outdir dist .

clean:  ## delete what the other targets made
	rm -rf $(VENV) $(TYPES) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
