# make setup    a virtual environment in .venv with everything of requirements-dev.lock
# make test     all that CI checks: format, lint, types, imports, tests with coverage
# make demo     simulator and daemon together: a week of one city in a minute
# make kills    kill the daemon at random N times (5000) on each database, and look at what is left
# make soak     the searches that are too long for CI, N times (1) as long: kills, histories, fuzz, properties, bad days
# make fuzz     N rounds (100) of a nasty value somewhere in each of 40 reports, on each database
# make bench    measure against peers and limits, and write docs/performance.*: RUNS=5, SUBJECTS="backfill ..."
# make pictures take the pictures of the documents anew (docs/pictures); needs chromium-headless-shell, or chromium
# make deb      build the Debian package into dist/; PYTHON=python3.12 for another Debian than this interpreter's
# make deb-test install, upgrade, fail, remove and purge it on a Debian that is booted for that (root; debootstrap, systemd-container)
# make format   put the code into its form
# make lock     renew the lock files; add ARGS=--upgrade for newer versions of everything

BIN := .venv/bin
# Tests start the program hundreds of times: it is compiled once, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE
STAMP := .venv/.installed
PYTEST := pytest -n 3 --dist loadfile --no-loadscope-reorder
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCK := $(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --quiet --python-version 3.11 $(ARGS)

.PHONY: setup test static tests demo format lock pictures kills fuzz soak bench deb deb-test

setup: $(STAMP)

# The first interpreter that will do, the system's own before all: it is what a server runs, and a distribution builds it
# to be a fifth faster than pyenv does. `ensurepip` is what Debian's python3-venv adds; a pyenv shim may be there and
# yet not run. A .venv whose interpreter is gone or too old is made anew.
$(STAMP): requirements-dev.lock pyproject.toml
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  for python in $(PYTHON) /usr/bin/python3 python3 python3.13 python3.12 python3.11 python3.14; do \
	    if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	      echo "making .venv with $$python"; exec "$$python" -m venv --clear .venv; \
	    fi; \
	  done; \
	  echo "No Python 3.11 or newer with venv was found." >&2; \
	  echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv) or name it: make setup PYTHON=/path/to/python3" >&2; \
	  exit 1; }
	@# uv, itself by its hash, installs the rest in a quarter of pip's time; it does not read pip's own configuration.
	@sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.lock | $(PIP) install --quiet --no-deps --require-hashes -r /dev/stdin
	$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --no-deps --require-hashes -r requirements-dev.lock || \
	  $(PIP) install --quiet --no-compile --no-deps --require-hashes -r requirements-dev.lock
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

test: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/coverage erase
	$(MAKE) --no-print-directory --jobs=2 static tests
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=95
	$(BIN)/coverage report --include='lapor_sync/domain/*' --fail-under=100

static:
	$(BIN)/lint-imports
	$(BIN)/mypy

tests:
	$(BIN)/coverage run -m $(PYTEST)

demo: setup
	$(BIN)/lapor-sync demo
	@command -v lapor-sync >/dev/null || echo 'lapor-sync is not on the PATH yet: export PATH="$$PWD/$(BIN):$$PATH"'

pictures: setup
	$(BIN)/python -m tests.browser.pictures

kills: setup
	$(BIN)/python -m tests.system.kills $(or $(N),5000)

fuzz: setup
	LAPOR_FUZZ_ROUNDS=$(or $(N),100) $(BIN)/pytest -q -n 2 tests/flow/test_nasty_values.py

# Of each of these `make test` runs a few, always the same. What this finds becomes a test of its own.
TIMES := $(or $(N),1)
times = $(shell expr $(TIMES) '*' $(1))
soak: setup
	$(BIN)/python -m tests.system.kills $(call times,500)
	$(BIN)/python -m tests.system.troubles $(call times,200)
	KILLS=20 $(BIN)/pytest -m '' tests/system/test_kills.py
	HISTORIES=$(call times,60) $(BIN)/pytest -s --timeout=0 tests/flow/test_histories.py
	LAPOR_FUZZ_ROUNDS=$(call times,20) FLAKY_DAYS=$(call times,10) KILLED_RESTORES=$(call times,30) \
	  NETWORK_SEED=$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ') $(BIN)/pytest -m '' -n 2 --dist loadfile --timeout=0 \
	  -k 'whatever_a_record_holds or flaky_days or killed_at_any_moment or bad_line' \
	  tests/flow/test_nasty_values.py tests/flow/test_delivering.py tests/system/test_cli_backups.py \
	  tests/system/test_network.py
	$(BIN)/$(PYTEST) --timeout=0 -m soak
	HYPOTHESIS_PROFILE=thorough $(BIN)/pytest -n 2 --dist loadfile --timeout=0 tests/unit tests/store tests/contract

# The peers have an environment of their own: the product never depends on them. Ours is measured as a server installs
# it, without the tools that load more into each process.
bench: setup .venv-server/.installed .venv-bench/.installed
	$(BIN)/python -m benchmarks --runs $(or $(RUNS),5) $(ARGS) $(SUBJECTS)

.venv-server/.installed: requirements.lock
.venv-bench/.installed: benchmarks/requirements.lock
.venv-server/.installed .venv-bench/.installed:
	$(BIN)/python -m venv --clear $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r $<
	@touch $@

deb: setup
	deploy/debian/build.sh

deb-test: deb
	deploy/debian/test.sh

format: setup
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

# requirements.lock is what a server installs. requirements-dev.lock adds the tools, at the same versions.
lock: setup
	$(LOCK) --group build --output-file requirements.lock
	$(LOCK) --group dev --constraints requirements.lock --output-file requirements-dev.lock
	$(subst pyproject.toml,benchmarks/requirements.in,$(LOCK)) --output-file benchmarks/requirements.lock
	@! grep -n '://' requirements.lock requirements-dev.lock benchmarks/requirements.lock
