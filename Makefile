# Everything a person does with this repository; `make help` lists it.

TESTS ?= tests
FUZZ_SECONDS ?= 60
CHAOS_MINUTES ?= 10
PY := .venv/bin/python

# The first Python here that serves, unless one is named.
SERVES := -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1
ifndef PYTHON
PYTHON := $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name $(SERVES) && { echo $$name; break; }; done)
endif
NAMED := $(if $(filter file,$(origin PYTHON)),,--named)
INSTALL = @$(if $(PYTHON),$(PYTHON),false) $(SERVES) || { \
		echo "This needs Python 3.11, 3.12 or 3.13 and found none$(if $(PYTHON), in $(PYTHON)):" \
		"install one, or name it, as in make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; } >&2; \
	$(PYTHON) -I config/packages/install.py $(NAMED)

.DEFAULT_GOAL := help
.PHONY: help run test runtimes smoke check fix lock audit bench peers fuzz chaos containers pictures

help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start the whole product on embedded servers; Ctrl-C stops it
	$(INSTALL) run pages
	@exec $(PY) manage.py up

test: ## Run every test against real servers (TESTS=path for some)
	$(INSTALL) development pages programs
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(TESTS)

runtimes: ## Serve the models of every version of scikit-learn, each on its own runtime (some GB)
	$(INSTALL) development
	@ALL_RUNTIMES=1 $(PY) -m pytest tests/model_host/test_runtimes.py

smoke: ## Start and predict on every other supported Python of this machine
	$(INSTALL) development pages
	@$(PY) -m tests.smoke

check: ## Check style, types, layers, clocks in tests, migrations and templates; changes nothing
	$(INSTALL) development
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --quiet --check .
	@.venv/bin/mypy .
	@.venv/bin/lint-imports --no-cache
	@$(PY) -m tests.clock_check
	@DJANGO_SETTINGS_MODULE=config.settings_for_mypy LOG_LEVEL=CRITICAL \
		$(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	@.venv/bin/djlint --quiet --lint templates
	@.venv/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*
	@.venv/bin/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/*
	@.venv/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	@.venv/bin/hadolint Dockerfile

fix: ## Change what can be changed by itself: imports, layout, style
	$(INSTALL) development
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

# The locks hold no address. UPGRADE=1 takes newer versions where pyproject.toml allows them.
LOCK = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --only-binary :all: \
	--generate-hashes --no-emit-index-url --no-header --no-annotate $(if $(UPGRADE),--upgrade)

lock: ## Rebuild every lock from pyproject.toml (UPGRADE=1: with newer versions)
	$(INSTALL) development
	@$(LOCK) pyproject.toml --output-file requirements.txt
	@$(LOCK) --group embedded -c requirements.txt --output-file requirements-embedded.txt
	@$(LOCK) --group node --output-file requirements-node.txt
	@$(LOCK) --group dev -c requirements.txt -c requirements-embedded.txt \
		--output-file requirements-dev.txt
	@$(LOCK) --group peers --output-file requirements-peers.txt
	@$(LOCK) --group peers-mlserver --output-file requirements-peers-mlserver.txt
	@$(PY) -m config.packages.lock_runtimes $(if $(UPGRADE),--upgrade)
	@$(PY) -m config.packages.lock_wheels

audit: ## Look for known holes in what is locked; list the servers inside wheels
	$(INSTALL) development pages
	@$(PY) -m config.packages.audit

bench: ## Measure every figure that is to be reached; one table, one JSON file (ALL=1: the long ones, too)
	$(INSTALL) development pages
	@$(PY) -m bench $(if $(ALL),--all)

peers: ## Let clients of KServe, MLServer and MLflow, and a generated one, ask the product
	$(INSTALL) development pages
	@$(PY) -m tests.peers

fuzz: ## Open damaged model files at random (FUZZ_SECONDS=60): no escape, crash or hang
	$(INSTALL) development
	@$(PY) -W ignore -m tests.model_host.fuzz $(FUZZ_SECONDS)

chaos: ## Kill, stop and alter every part under load (CHAOS_MINUTES=10 at random); fills docs/reliability.md
	$(INSTALL) development pages
	@CHAOS_MINUTES="$(CHAOS_MINUTES)" CHAOS="$(CHAOS)" $(PY) -W ignore -m tests.chaos

pictures: ## Take the README's pictures again, of the demo in a browser
	$(INSTALL) development pages programs
	@$(PY) -m tests.browser.pictures

containers: ## Build the images, run docker-compose.yml on this machine's engine, kill and restore it
	$(INSTALL) development
	@CONTAINERS="$(CONTAINERS)" $(PY) -W ignore -m tests.containers
