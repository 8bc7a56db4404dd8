# Every target makes the virtual environment that it needs. PYTHON and VENV can be set from outside.
PYTHON ?= python3
VENV ?= .venv
PY = $(VENV)/bin/python
# a target asks for the extras that it uses; a stamp says that they are installed
INSTALL = $(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test checks soak gpu lint docs site-check bench release-check clean

demo: $(VENV)/.demo
	$(PY) docs/examples/plot_demo.py

test: $(VENV)/.test
	# one worker per core, one thread per worker
	OMP_NUM_THREADS=1 $(PY) -m pytest -n auto --dist loadscope

checks: $(VENV)/.test
	# scikit-learn's checks of every option, one at a time; some twenty minutes
	OMP_NUM_THREADS=1 $(PY) -m tests.checks

soak: $(VENV)/.test
	# the figures of reliability: damaged files, kills, threads; some ten minutes
	OMP_NUM_THREADS=1 $(PY) -m tests.reliability.soak

gpu: $(VENV)/.test
	# what needs a CUDA device: tests, and timings beside lean loops of torch and the CPU
	$(PY) -c "import torch; assert torch.cuda.is_available(), 'there is no CUDA device'"
	$(PY) -m pytest -m gpu
	$(PY) benchmarks/gpu.py

lint: $(VENV)/.lint
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

docs: $(VENV)/.docs
	$(PY) -m sphinx -W --keep-going -b html docs docs/_build/html

release-check: $(VENV)/.release
	# sdist and wheel, in a clean environment without extras and with each extra alone
	PIP_CONSTRAINT="$(CURDIR)/constraints.txt" $(PY) tests/release.py

site-check: docs
	# every built page in a browser, at two widths; needs Chromium, without which it is skipped
	$(PY) docs/check_site.py

bench: $(VENV)/.test
	$(PY) benchmarks/fit_speed.py
	$(PY) benchmarks/history_metrics.py
	$(PY) benchmarks/predict_speed.py
	$(PY) benchmarks/grid_search.py
	$(PY) benchmarks/onnx_export.py
	$(PY) benchmarks/ensemble.py
	$(PY) benchmarks/adult.py
	$(PY) benchmarks/adult_metrics.py
	$(PY) benchmarks/architectures.py
	$(PY) benchmarks/balancing.py
	$(PY) benchmarks/snips.py
	$(PY) benchmarks/wnut17.py
	$(PY) benchmarks/sequence_speed.py
	$(PY) benchmarks/many_tasks.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml constraints.txt
	# only what is imported is compiled, so that the demo starts sooner
	$(INSTALL) --no-compile --editable '.[plots,progress,demo]'
	touch $@

$(VENV)/.test: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[test]'
	touch $@

$(VENV)/.lint: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[lint]'
	touch $@

$(VENV)/.docs: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[docs]'
	touch $@

$(VENV)/.release: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) build twine
	touch $@

clean:
	rm -rf $(VENV) docs/_build docs/api/generated docs/auto_examples build *.egg-info
