# make lab     opens the laboratory in JupyterLab          (PORT=8899, NO_BROWSER=1)
# make test    checks everything: static checks, unit tests, other implementations, notebooks, browser tests
# make check | unit | interop | notebooks | browser    one part of it
# make long    slow tests, and the unit tests on every other Python found here
# make bench   measures
# make soak    a real lab under all that a class does to it, for eight minutes (P2PLAB_SOAK_SECONDS)
# The first run makes .venv with $(PYTHON); later ones reinstall only when pyproject.toml has changed.

PYTHON ?= python3
PORT ?=
NO_BROWSER ?=

VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
TOUR := notebooks/00_tour.ipynb

.PHONY: lab test check unit interop notebooks browser long bench soak install
.NOTPARALLEL:

lab: install
	$(BIN)/python -m jupyterlab --ServerApp.ip=127.0.0.1 --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/$(TOUR) \
	    $(if $(PORT),--ServerApp.port=$(PORT) --ServerApp.port_retries=0) \
	    $(if $(filter-out 0,$(NO_BROWSER)),--no-browser) \
	    $(if $(filter 0,$(shell id -u)),--allow-root)

test: check unit interop notebooks browser

# import-linter's cache does not notice that a file has come or gone.
check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

unit: install
	$(PYTEST) -m "not (browser or notebooks or interop or bench or slow or soak)"

interop: install
	$(PYTEST) -m "interop and not slow" tests/interop

notebooks: install
	$(PYTEST) --nbval tests/notebooks $(wildcard notebooks)

browser: install
	P2PLAB_BROWSER="$$($(BIN)/python tests/browser/provide.py)" $(PYTEST) tests/browser

long: install
	$(BIN)/python tests/interop/provide.py
	$(PYTEST) -m "slow and not bench"
	$(BIN)/python tests/other_pythons.py

bench: install
	$(PYTEST) -s -m bench

soak: install
	$(PYTEST) -s -m soak

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml | $(BIN)/pip
	@.ci/build-tools $(BIN)/python
	$(BIN)/python -m pip install -q -e '.[all]'
	@touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	    echo "p2plab needs Python 3.10 or newer; $(PYTHON) is: $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12 lab" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
