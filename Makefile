# Each word sets up what it needs, in .venv beside this file.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PYTEST = $(BIN)/python -m pytest --dist worksteal
UV = VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --constraints constraints.txt

.PHONY: help run quick test lint format bench browser image-check clean

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv

$(VENV)/.run: $(BIN)/uv pyproject.toml constraints.txt
	$(UV) --editable .
	@touch $@

$(VENV)/.dev: $(BIN)/uv pyproject.toml constraints.txt
	$(UV) --editable . --group dev
	@touch $@ $(VENV)/.run

$(VENV)/.bench: $(VENV)/.dev
	$(UV) --group bench
	@touch $@

$(VENV)/.browser: $(VENV)/.dev
	$(UV) --group browser
	@touch $@

run: $(VENV)/.run ## start the daemon: your projects if DOGDRIVER_PROJECTS or DOGDRIVER_SERVICEBOOK is set, else the demo
	@if [ -n "$$DOGDRIVER_PROJECTS$$DOGDRIVER_SERVICEBOOK" ]; then exec $(BIN)/dogdriver; else exec $(BIN)/dogdriver demo; fi

# A second thread of the linear algebra only doubles what these small matrices cost.
quick test: export OPENBLAS_NUM_THREADS = 1
quick test: export OMP_NUM_THREADS = 1
# Hundreds of processes are started, and none shall compile everything again.
unexport PYTHONDONTWRITEBYTECODE

quick: $(VENV)/.dev ## the tests that start no process: most of them, in less than a minute
	$(PYTEST) --numprocesses 2 -m "not browser and not processes" $(ARGS)

# One worker more than a small machine has processors: much of the time goes into waiting for real processes.
test: $(VENV)/.dev ## the tests
	$(PYTEST) --numprocesses 3 $(ARGS)

lint: $(VENV)/.dev ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## put the code into form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.bench ## the benchmarks; long, and they want a quiet machine (see bench/README.md)
	@cat bench/README.md

browser: $(VENV)/.browser ## the pages in a real Chromium (CHROMIUM=/usr/bin/chromium)
	$(BIN)/python -m pytest -m browser $(ARGS)

image-check: ## build the image and start it, without a Docker engine (needs buildah and root)
	bin/image-check

clean: ## take away what these words have set up
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
