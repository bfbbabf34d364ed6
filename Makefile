# Two commands do everything: `make run` and `make test`. The rest are parts of them, or for later.
HOST ?= 127.0.0.1
PORT ?= 7860
ARENA_HOME ?= .arena
PYTHON ?= python3
PY := .venv/bin/python
export ARENA_HOME
export HF_HUB_DISABLE_TELEMETRY = 1
export GRADIO_ANALYTICS_ENABLED = False

.PHONY: run test check test-vllm loop flywheel bench setup setup-test models chromium

run: setup models            ## set up, then open the app
	$(PY) app.py --home $(ARENA_HOME) --host $(HOST) --port $(PORT)

setup: .venv/run.ready
.venv/run.ready: requirements.txt
	@echo "Setting up .venv (about 2 minutes, 2 GB) ..."
	test -x $(PY) || $(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --progress-bar on -r requirements.txt
	@touch $@

setup-test: .venv/test.ready
.venv/test.ready: requirements.txt requirements-test.txt
	@echo "Setting up .venv with what the tests need (about 2 minutes, 2 GB) ..."
	test -x $(PY) || $(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --progress-bar on -r requirements-test.txt
	@touch .venv/run.ready $@

models: setup                ## fetch the embedded models once (1.7 GB), verified by checksum
	$(PY) -m arena models fetch --home $(ARENA_HOME)

chromium:
	@command -v chromium >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing Chromium for the browser tests ..."; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	  else echo "The browser tests need Chromium: run 'apt-get install chromium' as root, then again."; exit 1; fi; }

# axe-core finds accessibility faults in the browser tests.
AXE := tests/browser/setup/node_modules
$(AXE): tests/browser/setup/package.json
	@command -v npm >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq npm >/dev/null; \
	  else echo "The accessibility tests need npm: install it (Debian: npm), then again."; exit 1; fi; }
	npm install --silent --no-audit --no-fund --no-package-lock --prefix tests/browser/setup
	@touch $@

test: setup-test chromium $(AXE) models check   ## set up, then check everything, the slowest parts last
	$(PY) -m pytest -m "browser" --reruns 1 --rerun-show-tracebacks
	$(PY) -m pytest -m "models and not browser" -n 2 --dist worksteal

check: setup-test            ## format, lint, types, import contracts, tests without browser or models
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PY) -m pytest -m "not browser and not models and not vllm" -n auto --maxprocesses 8

test-vllm: setup-test models  ## vLLM's CPU build in its own environment, with a real model
	sh tests/vllm/setup.sh
	$(PY) -m pytest tests/vllm

loop: setup models           ## one whole Arena Learning iteration in the terminal
	$(PY) -m arena loop --home $(ARENA_HOME)

flywheel: setup-test models  ## the proof that the flywheel helps: an hour and more on 2 cores
	$(PY) -m benchmarks.flywheel --home $(ARENA_HOME)-proof

BENCHMARKS := backends battles boards coverage pages pairing ratings testsets training
bench: setup-test models chromium  ## every benchmark that needs no GPU; hours
	for name in $(BENCHMARKS); do echo "== $$name"; $(PY) -m benchmarks.$$name || exit 1; done
