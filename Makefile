PYTHON ?= python3
JOBS ?= 2
LIES_SEED ?= 1
SEED ?= 1
# An installed package may have the runtime of this machine only: tests of other targets find theirs here.
export URUK_RUNTIME ?= $(CURDIR)/build/runtime

.PHONY: help runtime aarch64-root format lint check quick test test-placement mutants soak link-lines llvm-suite bench docs clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

runtime: ## build the runtime for all targets with zig, for use from the source tree
	$(PYTHON) -m build_support

format: ## format the Python sources
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

lint: ## format check, ruff, pyright
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check --no-cache .
	$(PYTHON) -m pyright --pythonpath $(shell command -v $(PYTHON))

check: runtime ## lint and the quick tests, side by side: what to run before each commit
	$(MAKE) --no-print-directory --output-sync=target -j 2 lint quick

quick: runtime ## the quick tests
	$(PYTHON) -m pytest -q -n $(JOBS) -m quick $$(grep -rl --include='test_*.py' 'mark.quick' tests)

aarch64-root: ## unpack Debian's arm64 packages under build/, for tests of AArch64 code with libraries and in Python
	$(PYTHON) -m build_support.arm64_root

test: runtime ## every test
	$(PYTHON) -m pytest -n $(JOBS)

test-placement: runtime ## the tests that depend on where the interpreter lies: what a second kind of interpreter is to pass
	$(PYTHON) -m pytest -n $(JOBS) -m "not any_interpreter" -k "not aarch64"

mutants: runtime ## 60 small changes of passes/, formats/ and graph/, chosen by SEED: which does no quick test notice?
	$(PYTHON) tests/mutants/run_mutants.py --seed $(SEED) --jobs $(JOBS)

soak: runtime ## 200,000 broken objects of each corpus, 10,000 modules beside threads that throw, 5,000 lies, 10,000 executors and 500 under wine, 10,000 modules there, 10,000 replacements
	URUK_HOSTILE_CASES=200000 $(PYTHON) -m pytest -n $(JOBS) tests/hostile
	URUK_SOAK=1 $(PYTHON) -m pytest -n $(JOBS) tests/stress/test_unwinders.py
	URUK_LIES=5000 URUK_LIES_SEED=$(LIES_SEED) $(PYTHON) -m pytest -n $(JOBS) tests/executor/test_lying_executor.py
	URUK_JITLINK_MUTANTS=10000 $(PYTHON) -m pytest tests/jitlink/test_jitlink_bad_input.py
	URUK_CYCLES=10000 $(PYTHON) -m pytest -n $(JOBS) tests/executor/test_cycles.py
	URUK_CYCLES=10000 $(PYTHON) -m pytest -n $(JOBS) tests/windows/test_windows_unloading.py
	URUK_HEADERS=all $(PYTHON) -m pytest -n $(JOBS) tests/debug_info/test_against_headers.py
	URUK_REPLACEMENTS=10000 $(PYTHON) -m pytest tests/stress/test_replacing.py

link-lines: runtime ## the link lines of tests/link_lines, of all its projects (downloads their sources)
	URUK_LINK_LINES=all $(PYTHON) -m pytest -n $(JOBS) tests/link_lines

llvm-suite: runtime aarch64-root ## LLVM's own tests of llvm-jitlink and its ORC runtime, from the source package in LLVM_SRC
	PYTHONPATH=tests $(PYTHON) -m llvm_suite.run_suite $(LLVM_SRC)

docs: ## the API reference, from docstrings, and the guides as pages below build/docs
	$(PYTHON) -m build_support.docs

bench: runtime ## the benchmarks of benchmarks/README.md
	$(PYTHON) -m benchmarks

clean: ## remove what building made
	rm -rf build dist
