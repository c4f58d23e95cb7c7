# `make`: the quick loop.  `make demo`: a real pipeline.  `make test`: everything.  `make bench`: the numbers.
# One environment, .venv, in this folder. What a target needs is installed once, and again only when a pyproject.toml changes.

SHELL := /bin/sh
.DEFAULT_GOAL := quick
.PHONY: quick demo test bench clean format lint types browser

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input install -qq
# The folder's own name is part of the mark: an editable install holds absolute paths, so a moved checkout installs again.
MARK := $(VENV)/.installed-$(shell printf %s "$(CURDIR)" | cksum | cut -d ' ' -f 1)
CODE := src sdk tests bench examples

# Three files at a time, as tests mostly wait for processes; the tests of one file together, as they share servers. In the order of their
# names: what takes minutes is not left for the end.
TOGETHER := -n 3 --dist loadfile --no-loadscope-reorder

# What is marked slow takes many seconds by nature, or needs PostgreSQL. `make test` runs it, this does not: under a minute in all.
quick: format lint types
	@$(PY) -m pytest $(TOGETHER) -m "not slow" tests/house tests/unit tests/contract

demo: $(MARK)-demo
	@$(PY) examples/diabetes/run.py

test: quick-checks browser
	@$(PY) -m pytest $(TOGETHER) --maxfail 20 tests

.PHONY: quick-checks
quick-checks: format lint types

bench: | $(PY)
	@$(PY) bench/run.py

format: $(MARK)-test
	@$(PY) -m ruff format --check --quiet $(CODE) || { echo "Not formatted. To mend: $(PY) -m ruff format $(CODE)"; exit 1; }

lint: $(MARK)-test
	@$(PY) -m ruff check --quiet $(CODE)

types: $(MARK)-test
	@$(PY) -m mypy --no-error-summary

clean:
	rm -rf $(VENV) bench/.env bench/results.json .mypy_cache .ruff_cache .pytest_cache .hypothesis examples/diabetes/results
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# Asked of each in turn, so that a version manager's stand-in for a version it does not have is passed over.
ASK := import sys, venv, ensurepip; sys.version_info < (3, 11) and sys.exit(1); print(getattr(sys, "_base_executable", "") or sys.executable)

$(PY):
	@for name in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14 python "$$HOME"/.pyenv/versions/*/bin/python3; do \
	    found=$$("$$name" -c '$(ASK)' 2>/dev/null) && [ -n "$$found" ] && break; found=; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "Penstock needs Python 3.11 or newer with venv, and none was found on PATH or in ~/.pyenv/versions."; \
	    echo "Install one (on Debian and Ubuntu: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; \
	    exit 1; \
	fi; \
	echo "Making $(VENV) with $$found (once)"; "$$found" -m venv $(VENV)

$(MARK)-demo: pyproject.toml sdk/pyproject.toml | $(PY)
	@echo "Installing Penstock and what its example needs into $(VENV) (once, about a minute)"
	@$(PIP) -e sdk -e '.[demo]'
	@touch $@

$(MARK)-test: pyproject.toml sdk/pyproject.toml | $(PY)
	@echo "Installing Penstock and what its tests need into $(VENV) (once, about two minutes)"
	@$(PIP) -e sdk -e '.[test]'
	@touch $@ $(MARK)-demo

# The browser tests drive Debian's chromium. Only root can install it; elsewhere those tests say that they are skipped.
browser:
	@if ! command -v chromium >/dev/null 2>&1 && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    echo "Installing chromium for the browser tests (once)"; \
	    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } >/dev/null; \
	fi
