# `make ask` and `make test` need nothing but Python 3.10+ and a package registry.
PYTHON ?= python3
VENV ?= .venv
IMAGE ?= examples/receipt.jpg
QUESTION ?= What is the total?
OUT ?= out/answer.png
PIP := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help ask test lint format parity-newest example clean

help:
	@echo "make ask    ask the embedded checkpoint about $(IMAGE) (IMAGE=... QUESTION=... for your own)"
	@echo "make test   run the tests"
	@echo "make lint   ruff and mypy"

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e .
	@touch $@

$(VENV)/.developing: $(VENV)/.installed
	$(PIP) -e ".[test,lint,eval]"
	@touch $@

ask: $(VENV)/.installed
	@mkdir -p $(dir $(OUT))
	@$(VENV)/bin/monkeyvl ask "$(IMAGE)" "$(QUESTION)" --show "$(OUT)"
	@echo "drawn: $(OUT)"

test: $(VENV)/.developing
	$(VENV)/bin/python -m pytest

lint: $(VENV)/.developing
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

format: $(VENV)/.developing
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

# The parity tests on the newest transformers 5.x, in an environment of its own.
parity-newest:
	$(PYTHON) -m venv $(VENV)-newest
	grep -vE '^(transformers|tokenizers|huggingface_hub|hf-xet)==' constraints.txt > $(VENV)-newest/constraints.txt
	$(VENV)-newest/bin/python -m pip install --quiet --disable-pip-version-check \
		-c $(VENV)-newest/constraints.txt --upgrade "transformers>=5,<6" -e ".[test,eval]"
	$(VENV)-newest/bin/python -c "import transformers; print('transformers', transformers.__version__)"
	$(VENV)-newest/bin/python -m pytest tests/models

clean:
	rm -rf $(VENV) $(VENV)-newest out .pytest_cache .mypy_cache .ruff_cache
