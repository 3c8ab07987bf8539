# The same verbs everywhere: demo, test, retest, judge, chaos, check, bench, docs, lock.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 8765
LOCKS := deploy/lock
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement
OURSELVES := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .

.PHONY: demo test retest judge chaos check fix bench docs lock clean

demo: $(VENV)/.run
	@exec $(BIN)/python -m simulators --port $(PORT)

test: $(VENV)/.dev
	@rm -f .pytest_cache/most-passed
	$(BIN)/python -m pytest --numprocesses 6 --dist worksteal --ignore tests/browser \
		--cov=bridge --cov=storage --cov-report=term:skip-covered --cov-fail-under=95 $(ARGS)
	@touch .pytest_cache/most-passed
	$(BIN)/python -m pytest tests/browser

retest: $(VENV)/.dev # after a test that failed: what did, by itself; then what was not run because of it
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none tests
	@[ -e .pytest_cache/most-passed ] || $(BIN)/python -m pytest tests/browser || \
		$(BIN)/python -m pytest --last-failed --last-failed-no-failures none tests/browser

judge: $(VENV)/.dev # 2,000 documents and every beginning of each, before TDLib: a quarter of an hour on two cores
	JUDGE=all $(BIN)/python -m pytest --numprocesses 2 tests/property/test_judge.py

chaos: $(VENV)/.dev # N faults, DB=sqlite or postgres, PROCESSES=, SEED= repeats a plan: see docs/chaos.md
	$(BIN)/python -m tests.chaos --faults $(or $(N),200) --db $(or $(DB),sqlite) --seed "$(SEED)" \
		--processes $(or $(PROCESSES),0) --worlds $(or $(WORLDS),4)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

docs: $(VENV)/.dev
	$(BIN)/python docs/table.py

lock: # needs uv; writes hashes, and no addresses
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--group build pyproject.toml --output-file $(LOCKS)/run.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--group build --group dev pyproject.toml --output-file $(LOCKS)/dev.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis data

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "python3 has no venv; on Debian: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.run: $(BIN)/python $(LOCKS)/run.txt pyproject.toml
	@echo "installing (once) ..."
	@$(INSTALL) $(LOCKS)/run.txt
	@$(OURSELVES)
	@touch $@

$(VENV)/.dev: $(BIN)/python $(LOCKS)/dev.txt pyproject.toml
	@echo "installing (once) ..."
	@$(INSTALL) $(LOCKS)/dev.txt
	@$(OURSELVES)
	@touch $@ $(VENV)/.run
