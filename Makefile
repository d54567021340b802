# Everything runs in .venv, which is made on first use and renewed when pyproject.toml or constraints.txt change.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed

.PHONY: help demo test lint bench
.DEFAULT_GOAL := help

help: ## show these lines
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile

demo: $(READY) ## phantoms, end to end; the last line is the report's path
	@$(BIN)/domaingan demo --out runs/demo --overwrite

test: $(READY) ## all tests; what is skipped, and why, is listed at the end
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -rs

lint: $(READY) ## style, types and layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(READY) ## timings beside named peers, a few minutes; benchmarks.speed.gan_speed takes half an hour more
	@for script in read_nifti poisson_speed; do echo "$$script"; $(BIN)/python -m "benchmarks.speed.$$script" || exit 1; done

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
		echo "domaingan needs Python 3.11 to 3.13, and $(PYTHON) is not; say which: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing into $(VENV); the first time this takes some minutes"
	@test -x $(BIN)/pip || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
