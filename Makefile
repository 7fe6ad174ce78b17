# make demo   miniature experiments from POST to report, on a stack of its own · make demo-all   all mitigations · make demo-seeds   five seeds each
# make test   the tests · make check   ruff, strict types, import-linter
# make up     Ray, MLflow and the API on this machine · make down   stop them
# Each target makes what it needs: a virtual environment in .venv with the pinned dependencies.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-print-directory

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
EXTRAS := control,worker,stack,dev
STATE := $(or $(CFTRAY_HOME),$(CURDIR)/.cftray)

# Whatever the tests start keeps its caches in the state folder too, not in the home.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export XDG_CACHE_HOME ?= $(STATE)/cache
export HF_HOME ?= $(STATE)/cache/huggingface
export MPLCONFIGDIR ?= $(STATE)/cache/matplotlib
export TORCH_EXTENSIONS_DIR ?= $(STATE)/cache/torch_extensions
export TRITON_HOME ?= $(STATE)/cache
export TRITON_CACHE_DIR ?= $(STATE)/cache/triton

# pip asks rustc for its version, and rustup answers by making a folder in a home that has none.
ifeq ($(wildcard $(HOME)/.rustup),)
export RUSTUP_HOME := $(STATE)/cache/rustup
endif

.PHONY: help demo demo-all demo-seeds up down status test test-slow test-chaos test-gpu check bench install clean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -4

demo: install
	@$(PYTHON) -m cluster.demo

demo-all: install
	@$(PYTHON) -m cluster.demo --all

demo-seeds: install
	@$(PYTHON) -m cluster.demo --all --seeds 17 18 19 20 21

up: install
	@$(PYTHON) -m cluster up

down: install
	@$(PYTHON) -m cluster down

status: install
	@$(PYTHON) -m cluster status

test: install
	@$(PYTHON) -m pytest

test-slow: install
	@$(PYTHON) -m pytest -m slow --timeout 1800 --session-timeout 7200

test-chaos: install
	@$(PYTHON) -m pytest -m chaos --timeout 1800 --session-timeout 7200

test-gpu: install
	@$(PYTHON) -m pytest -m gpu --timeout 1800 --session-timeout 7200

check: install
	@$(PYTHON) -m ruff check
	@$(PYTHON) -m mypy
	@$(VENV)/bin/lint-imports

bench: install
	@$(PYTHON) -m benchmarks

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@command -v python3.11 >/dev/null || { \
	  echo "python3.11 was not found on PATH; CFTRay needs Python 3.11 (python.org, pyenv or your system's packages)" >&2; exit 1; }
	@if [ ! -x $(PYTHON) ]; then \
	  echo "making $(VENV) with $$(python3.11 --version)"; \
	  python3.11 -m venv $(VENV) || { rm -rf $(VENV); \
	    echo "python3.11 can't make virtual environments here; Debian and Ubuntu have that in python3.11-venv" >&2; exit 1; }; \
	fi
	@echo "installing the pinned dependencies into $(VENV): about 4 minutes the first time, 3 GB on disk"
	@start=$$SECONDS; log=$(VENV)/install.log; \
	PYTHONUNBUFFERED=1 $(PYTHON) -m pip install --no-cache-dir --no-input --progress-bar off --no-color \
	    -c constraints.txt -e '.[$(EXTRAS)]' 2>&1 | tee $$log | \
	  awk '/^Collecting / { n++; if (n % 25 == 0) print "  " n " packages looked up"; fflush() } \
	       /^Installing collected/ { print "  all downloaded, installing"; fflush() } \
	       /^(ERROR|error)/ { print substr($$0, 1, 300); fflush() }' || { echo "that failed; all of it is in $$log" >&2; exit 1; }; \
	echo "installed after $$((SECONDS - start)) s"
	@touch $@

clean:
	@if [ -x $(PYTHON) ] && [ -f "$(STATE)/state.json" ]; then $(PYTHON) -m cluster down; fi
	@rm -rf "$(STATE)" build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info
	@find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +
	@echo "removed state, results and caches; $(VENV) stays (rm -r $(VENV) removes it)"
