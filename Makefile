# make lab     opens the laboratory in JupyterLab          (PORT=8899, NO_BROWSER=1)
# make quick   while one works: static checks but for types, and the unit tests of the mock world; under two minutes
# make test    checks everything: static checks, unit tests, other implementations, notebooks, browser tests
# make check | unit | interop | notebooks | browser    one part of it
# make faces   writes the blocking faces anew after a change of the awaited ones (p2plab/**/aio)
# make long    what takes long: slow tests, and the unit tests on every other Python found here
# make slow | pythons    one part of it
# make newest  the real world's tests on the newest py-libp2p, where there is one after the one p2plab is written for
# make lite    the mock lab and the course as a site that needs no server, in build/lite/site; make lite-serve shows it,
#               make lite-test runs its lessons in a browser
# make docs    the documentation as a site in build/docs, with the lessons as pages; a warning is an error
# make binder  does what Binder does: installs into a fresh environment, runs every notebook with 2 GB of memory;
#               make binder-pins writes binder/constraints.txt, the exact versions that it installs, anew
# make wheelhouse    packs what a class installs without a network (PLATFORM=win_amd64 PYTHON_VERSION=3.12)
# make rust    a rust-libp2p node meets ours; cargo builds it first, for many minutes
# make content    content meets go-graphsync, go-car, boxo and the suite for gateways, which Go builds first, for minutes;
#               the suite only where P2PLAB_GATEWAY_CONFORMANCE names a clone of ipfs/gateway-conformance, kubo where
#               P2PLAB_KUBO names its program
# make bench   measures
# make soak    a real lab under all that a class does to it, for eight minutes (P2PLAB_SOAK_SECONDS)
# Tests run in WORKERS processes at once; WORKERS=0 runs them in one, where a debugger can stop them.
# The first run makes .venv with $(PYTHON); later ones reinstall only when pyproject.toml has changed. `make lab` installs
# what the laboratory needs, the others everything.

PYTHON ?= python3
PORT ?=
NO_BROWSER ?=
WORKERS ?= auto

VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
# The tests of a module stay together: they share what is dear to make.
SPREAD := -n $(WORKERS) --maxprocesses=4 --dist=loadscope
TOUR := notebooks/00_tour.ipynb

# Without compiled files every process of a test run would compile 1,200 modules anew, for 20 seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: lab quick test check unit interop notebooks browser long slow pythons newest docs lite lite-test lite-serve rust content bench soak faces wheelhouse binder install
.NOTPARALLEL:

lab: $(VENV)/lab
	$(BIN)/python -m jupyterlab --ServerApp.ip=127.0.0.1 --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/$(TOUR) \
	    --LabApp.news_url=None \
	    $(if $(PORT),--ServerApp.port=$(PORT) --ServerApp.port_retries=0) \
	    $(if $(filter-out 0,$(NO_BROWSER)),--no-browser) \
	    $(if $(filter 0,$(shell id -u)),--allow-root)

quick: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python p2plab/api/generate.py --check
	$(BIN)/lint-imports --no-cache
	$(PYTEST) $(SPREAD) -q -m "not (slow or real or dear)" tests/unit

test: check unit interop notebooks browser

# import-linter's cache does not notice that a file has come or gone.
check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python p2plab/api/generate.py --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

unit: install
	$(PYTEST) $(SPREAD) -m "not slow" tests/unit

interop: install
	$(PYTEST) -m "interop and not (slow or rust or content)" tests/interop

notebooks: install
	$(PYTEST) $(SPREAD) --nbval tests/notebooks $(wildcard notebooks)

browser: install
	P2PLAB_BROWSER="$$($(BIN)/python tests/browser/provide.py)" $(PYTEST) -m "not lite" tests/browser

long: slow pythons

slow: install
	$(BIN)/python tests/interop/provide.py
	$(PYTEST) $(SPREAD) -m "slow and not bench"

pythons: install
	$(BIN)/python tests/other_pythons.py

newest: install
	$(BIN)/python tests/newest_pylibp2p.py

# In an environment of its own: the JupyterLab extensions that are in it are the site's.
lite: .venvs/lite/installed
	.venvs/lite/bin/python docs/lite/build.py

# LESSONS="tour or debugging" runs those alone.
lite-test: lite install
	P2PLAB_BROWSER="$$($(BIN)/python tests/browser/provide.py)" $(PYTEST) -m lite $(if $(LESSONS),-k "$(LESSONS)") tests/browser

lite-serve: lite
	.venvs/lite/bin/python -m http.server --bind 127.0.0.1 --directory build/lite/site $(or $(PORT),8000)

.venvs/lite/installed: docs/lite/requirements.txt
	$(PYTHON) -m venv --clear .venvs/lite
	.venvs/lite/bin/python -m pip install -q -r $<
	@touch $@

docs: install
	$(BIN)/sphinx-build -q -W --keep-going -c docs . build/docs/html
	@echo "built: build/docs/html/index.html"

bench: install
	$(PYTEST) -s -m bench

# The same scenarios on go-libp2p-pubsub and on mock labs, side by side; needs Go, and takes half an hour.
.PHONY: compare-go
compare-go: install
	$(BIN)/python -m tests.interop.compare --write

# What is exported here, read by duckdb, polars, fastparquet, networkx and Grafana's own types; needs PyPI and npm.
.PHONY: exports
exports: install
	$(BIN)/python -m venv build/readers
	build/readers/bin/pip install -q duckdb polars fastparquet networkx
	$(BIN)/python tests/interop/read_exports.py build/readers/bin/python

# Builds rust-libp2p first, which takes cargo and many minutes.
rust: install
	$(PYTEST) -m rust tests/interop

# Builds go-graphsync's and other modules first, which takes Go and some minutes.
content: install
	$(PYTEST) -m content tests/interop

soak: install
	$(PYTEST) -s -m soak

# What Binder does: its installation into a fresh environment, then every notebook with 2 GB of memory.
binder: $(BIN)/pip
	$(BIN)/python tests/binder.py

.PHONY: binder-pins
binder-pins: $(BIN)/pip
	$(BIN)/python tests/binder.py --pin

# What a class installs without a network: PLATFORM=win_amd64 PYTHON_VERSION=3.12 for machines of another kind.
wheelhouse: install
	$(BIN)/python .ci/wheelhouse.py wheelhouse $(addprefix --platform=,$(PLATFORM)) $(addprefix --python=,$(PYTHON_VERSION))

# The blocking faces (p2plab/**/blocking) are made of the awaited ones (p2plab/**/aio); this needs nothing installed.
faces:
	$(PYTHON) p2plab/api/generate.py

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml | $(BIN)/pip
	@.ci/build-tools $(BIN)/python
	@$(BIN)/python .ci/install.py all
	@touch $@ $(VENV)/lab

# What it takes to work with the laboratory, without what tests it.
$(VENV)/lab: pyproject.toml | $(BIN)/pip
	@.ci/build-tools $(BIN)/python
	@$(BIN)/python .ci/install.py real,lab
	@touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	    echo "p2plab needs Python 3.10 or newer; $(PYTHON) is: $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12 lab" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
