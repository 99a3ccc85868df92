# make demo   set up, run on this machine with demonstration content (EXIT=1: stop after its results; PORT=8001)
# make run    the same without demonstration content
# make dev    the same for those who work on it: a change of a file is seen without a restart (data in var/dev)
# make test   set up, run the tests
# make check  lint, types, import contracts, migrations, deployment settings: what CI runs
# make check-js  format, lint, types and tests of scripts and style sheets; a part of make check (needs node 18 and npm)
# make bench-flow  seconds from upload to result over N=20 scans
# make bench-reading  10,000 waiting cases, 20 readers at once: the queue's times, double claims
# make bench-study  studies of 1, 60 and N=300 CT slices and of two X-ray views: upload, result, disk, first image
# make bench-scale  every list, queue, oversight and API page at 1,000 studies and at N=1000000
# make bench-serving  every classifier by Keras and by what serves, in turn; a worker's memory
# make bench-interop  N=300 CT slices into the portal and into Debian's Orthanc, in turn; results on their way back
# make chaos-hospital  N=300 studies for each of SEEDS=3, every part killed meanwhile: what the archive lacks or has twice
# make bench-safe  who may open what, fuzz, escapes, half-open connections, cost of the audit trail, planted names, restore
# make models  train, measure and pack the classifiers of version 1, X-rays and CT (DATA=folder RUNS=folder VERSION=2.0.0)
#              (those for X-rays that ship go on from them: ARGS="--objective questions --last-layer --modality cxr")
#              (gate and lungs: python -m ml gate and python -m ml lungs, each train, then evaluate)
# make accuracy  write docs/accuracy.md and the tables in README.md from the stored predictions
# make docs   write what the documents take from the code: licences of packages, decisions, pictures, who may open what
# make messages  collect the sentences of the sources into locale/ and compile the translations
# make lock   pin requirements/*.in again

PYTHON ?= python3
N ?= 20
VENV := .venv
RUN := $(VENV)/bin/python
DONE := $(VENV)/done
# With the certificates of the system: a hospital's own proxy may sign what comes from outside.
UV := $(RUN) -m uv --quiet --system-certs

# An environment may forbid to keep compiled files, images for CI do: then each of the many processes that the tests start
# compiles everything again, which takes three times as long.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo run dev test check check-types check-python check-js check-js-here bench-flow bench-reading bench-study bench-scale bench-serving bench-interop chaos-hospital bench-safe models accuracy docs messages lock set-up-worker set-up-everything

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

demo: set-up-worker
	@$(RUN) manage.py demo $(if $(filter-out 0,$(EXIT)),--exit)

run: set-up-worker
	@$(RUN) manage.py serve

dev: set-up-everything
	@DEBUG=1 PORTAL_VAR=$(or $(PORTAL_VAR),var/dev) $(RUN) manage.py dev

# All tests on every core, or those of ARGS="tests/unit -k broker" in one process. COVERAGE=1 measures what they reach;
# only the whole has to reach the bound in pyproject.toml. In their order, where the long ones come first: by default the
# files with few tests, which are those that take minutes, would come last, and one core would wait for the other.
test: set-up-everything
	$(RUN) -m pytest $(or $(ARGS),--numprocesses $(shell nproc) --dist loadfile --no-loadscope-reorder) $(if $(COVERAGE),--cov $(if $(ARGS),--cov-fail-under=0))

bench-flow: set-up-worker
	@$(RUN) -m tests.bench.flow -n $(N)

bench-reading: set-up-everything
	@$(RUN) -m tests.bench.reading $(ARGS)

bench-study: set-up-worker
	@$(RUN) -m tests.bench.study -n $(if $(filter command line,$(origin N)),$(N),300)

bench-scale: set-up-everything
	@$(RUN) -m tests.bench.scale -n $(if $(filter command line,$(origin N)),$(N),1000000) $(ARGS)

bench-serving: set-up-everything
	@$(RUN) -m tests.bench.serving $(ARGS)

bench-interop: set-up-everything
	@$(RUN) -m tests.bench.interop -n $(if $(filter command line,$(origin N)),$(N),300) $(ARGS)

chaos-hospital: set-up-everything
	@$(RUN) -m tests.bench.chaos -n $(if $(filter command line,$(origin N)),$(N),300) --seeds $(or $(SEEDS),3) $(ARGS)

bench-safe: set-up-everything
	@$(RUN) -m tests.bench.safe $(ARGS)

models: set-up-everything
	$(RUN) -m ml models --data $(DATA) --runs $(RUNS) --version $(VERSION) $(ARGS)

accuracy: set-up-everything
	@$(RUN) -m ml accuracy

docs: set-up-everything
	@$(RUN) -m tools
	@$(RUN) manage.py draw_states
	WRITE_DOCS=1 $(RUN) -m pytest --quiet tests/integration/test_authorisation_matrix.py

messages: set-up-everything
	@$(RUN) manage.py messages

# All but the style guide, which only those who build pages see.
TRANSLATED := $(filter-out templates/_styleguide.html, $(wildcard templates/*.html templates/*/))

# Types take as long as all the rest: `make --jobs=2 check` looks at both at once.
check: check-types check-js check-python

check-types: set-up-everything
	$(RUN) -m mypy

check-python: set-up-everything
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(VENV)/bin/lint-imports
	$(RUN) manage.py makemigrations --check --dry-run
	$(RUN) manage.py draw_states --check
	$(RUN) -m djhtml --tabwidth 2 --check templates
	$(RUN) -m tests.template_words $(TRANSLATED)
	$(RUN) -m tools --check
	$(RUN) -m ml accuracy --check
	HTTPS=1 EMAIL_URL=smtp://localhost SECRET_KEY=$$($(RUN) -c 'import secrets; print(secrets.token_urlsafe(64))') \
	BACKUP_ROOT=/backups \
	BACKUP_RECIPIENTS=$$($(RUN) -c 'from pyrage import x25519; print(x25519.Identity.generate().to_public())') \
		$(RUN) -W error manage.py check --deploy --fail-level WARNING

# Without node the rest is still checked on a developer's machine, and CI is refused.
HAS_NODE = command -v npm > /dev/null && node -e 'process.exit(Number(parseInt(process.versions.node) < 18))' 2> /dev/null

check-js:
	@if $(HAS_NODE); then $(MAKE) --no-print-directory check-js-here; else \
		echo "Scripts and style sheets are NOT checked: install node 18 or newer with npm (apt-get install nodejs npm)."; \
		[ "$$CI" != true ]; fi

check-js-here: node_modules/done
	npm run --silent lint
	npm run --silent types
	@npm run --silent test > node_modules/test.log || { cat node_modules/test.log; exit 1; }

node_modules/done: package.json package-lock.json
	@echo "Installing what checks the scripts …"
	@npm ci --no-audit --no-fund --silent
	@touch $@

# --- set-up: each step leaves a file, so that it is done once ----------------------------------------------

# Two that start at once in a fresh clone would install into each other's half-made environment: the second one waits.
set-up-worker set-up-everything: set-up-%:
	@set_up="$(MAKE) --no-print-directory --silent $(DONE)/$*"; \
	flock --nonblock --conflict-exit-code 75 Makefile $$set_up || { \
		[ $$? -eq 75 ] || exit 1; \
		echo "Another make is setting this folder up; waiting for it …"; \
		flock Makefile $$set_up; }

# `$(call fetch,command)`: its output is shown when it fails, but a missing network gets a sentence instead.
NO_NETWORK := name resolution|NewConnectionError|ConnectTimeout|[Nn]etwork is unreachable|dns error|error sending request
define fetch
@$(1) > $(DONE)/log 2>&1 || { \
	if grep -q 'certificate' $(DONE)/log; then cat $(DONE)/log; \
	elif grep -qE '$(NO_NETWORK)' $(DONE)/log; then \
		echo "The packages could not be fetched: the set-up needs the network once (pypi.org, or a mirror of it)."; \
	else cat $(DONE)/log; fi; exit 1; }
endef

$(DONE)/venv:
	@command -v $(PYTHON) > /dev/null || { \
		echo "There is no $(PYTHON) here: install Python 3.11 or newer (apt-get install python3 python3-venv)."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$$($(PYTHON) --version) is too old: install Python 3.11 or newer, then add PYTHON=python3.11 to the command."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
		echo "Python cannot make virtual environments here: run apt-get install python3-venv as root, then try again."; exit 1; }
	@echo "Making the virtual environment $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@mkdir -p $(DONE) && touch $@

$(DONE)/uv: requirements/uv.txt | $(DONE)/venv
	$(call fetch,$(RUN) -m pip install --quiet --disable-pip-version-check --retries 1 --require-hashes -r $<)
	@touch $@

# Adds to what is there, so that `make demo` after `make test` takes nothing away.
$(DONE)/worker: requirements/worker.txt | $(DONE)/uv
	@echo "Installing what the portal needs …"
	$(call fetch,$(UV) pip install --python $(RUN) --require-hashes -r $<)
	@touch $@

$(DONE)/everything: requirements.txt | $(DONE)/uv
	@echo "Installing everything, TensorFlow included …"
	$(call fetch,$(UV) pip sync --python $(RUN) --require-hashes $<)
	@touch $@ $(DONE)/worker

# --- pins --------------------------------------------------------------------------------------------------

LOCK := $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--default-index https://pypi.org/simple --custom-compile-command 'make lock'

lock: $(DONE)/uv
	$(LOCK) requirements/uv.in -o requirements/uv.txt
	$(LOCK) requirements/all.in -o requirements.txt
	for part in web worker train dev; do \
		$(LOCK) requirements/$$part.in -c requirements.txt -o requirements/$$part.txt || exit 1; done
