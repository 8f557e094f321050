# make demo and make test set everything up by themselves: Python 3.11 or 3.12 is all they need.
#   make demo PYTHON=/path/to/python3.12    chooses the Python; otherwise the first one that fits is taken

VENV ?= .venv
PEERS ?= .venv-peers
BENCH ?= bench
DEMO ?= demo
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
STAMP := $(VENV)/.complete

.PHONY: demo test lint bench bench-peers setup clean

demo: $(STAMP)
	$(VENV)/bin/reverter demo --out $(DEMO)

test: $(STAMP)
	$(PY) -m pytest

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench: $(STAMP)
	$(VENV)/bin/reverter bench --out $(BENCH) --peers $(PEERS)
	$(PY) Testing/Benchmarks/panel.py --out $(BENCH)/panel.json

# The other DRR programs, in an environment of their own; torch first and alone.
bench-peers: $(STAMP)
	$(PY) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --constraint constraints.txt torch numpy
	$(PEERS)/bin/python -m pip install --quiet --constraint constraints.txt -r Testing/Benchmarks/peers/requirements.txt
	$(PEERS)/bin/python -m pip install --quiet --no-deps -r Testing/Benchmarks/peers/requirements-alone.txt

setup: $(STAMP)

clean:
	rm -rf $(VENV) $(DEMO) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
	find ReVerteR ReVerteRLib Testing -name __pycache__ -type d -prune -exec rm -rf {} +

# torch goes first and alone, so that no range of another package can pull a second build of it.
$(STAMP): pyproject.toml constraints.txt
	@PYTHON='$(PYTHON)' sh .ci/make_venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt setuptools torch
	$(PIP) install --quiet --constraint constraints.txt --no-build-isolation --editable '.[slicer,train,test]'
	@$(PY) -c "from ReVerteRLib.offscreen import rendering_problem; print(rendering_problem() or 'Ready.')"
	@touch $@
