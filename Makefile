# Every target sets up what it needs: a fresh machine wants only Python 3.11+ and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo test producers check format clean

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Iolaus needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $(STAMP)

demo: $(STAMP)  ## a world with one hidden campaign: simulate, scan, score, and a report to open
	$(BIN)/iolaus demo --out demo

test: $(STAMP)  ## every test
	$(BIN)/python -m pytest -n 2 --dist loadfile

producers:  ## tests with real producers (LiteLLM, instrumented clients), in an environment of their own
	$(PYTHON) -m venv .venv-producers
	.venv-producers/bin/pip install -q -e '.[dev,producers]'
	.venv-producers/bin/python -m pytest -q tests/producers

check: $(STAMP)  ## before each commit: format, lint, types, law of imports, fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -m 'not slow' -n 2 --dist loadfile

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .venv-producers demo .mypy_cache .ruff_cache .pytest_cache
