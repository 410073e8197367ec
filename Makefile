# `make run` opens the app, `make test` proves that it works. Either sets up what it needs in .venv first,
# which takes minutes the first time and no time afterwards.

PORT ?= 7860
HOST ?= 127.0.0.1
# The first of these that runs and is new enough, but not too new for the packages.
PYTHON ?= $(shell for p in python3.12 python3.11 python3.10 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null \
	&& { echo $$p; break; }; done)
PIP = .venv/bin/python -m pip

.PHONY: run test test-cluster lint audit clean
.DEFAULT_GOAL := run

run: .venv/installed
	GRADIO_SERVER_NAME=$(HOST) GRADIO_SERVER_PORT=$(PORT) .venv/bin/python app.py

test: .venv/installed-dev lint
	sh scripts/browser.sh
	sh scripts/servers.sh
	.venv/bin/python -m pytest -n 2 --dist loadfile -m "not cluster"

# A Ray cluster on this machine gives up where others keep the cores busy, so it has them to itself. Ray leaves
# connections of its own to the garbage collector.
test-cluster: .venv/installed-dev
	.venv/bin/python -m pytest -m cluster -W "ignore:unclosed <socket.socket fd" tests/test_cluster_ray.py

lint: .venv/installed-dev
	.venv/bin/ruff check .
	@if .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then set -x; .venv/bin/mypy; \
	else echo "mypy is left out: the last NumPy for Python 3.10 tells other types"; fi
	.venv/bin/bandit -q -r -c pyproject.toml app.py fitting

# Known holes in the packages that are installed. Asks the network, so it is no part of the tests.
audit: .venv/installed-dev
	.venv/bin/python scripts/audit.py

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.10, 3.11 or 3.12 is needed; none was found." >&2; exit 1; }
	sh scripts/venv.sh $(PYTHON)

# Stamps: made anew when the list of dependencies changes. What the tests need includes what the app needs.
.venv/installed: pyproject.toml | .venv/bin/python
	# OpenVINO runs the networks sooner; where there is none for the machine, PyTorch runs them.
	$(PIP) install -e '.[openvino]' || $(PIP) install -e .
	touch $@

.venv/installed-dev: pyproject.toml | .venv/bin/python
	$(PIP) install -e '.[dev]'
	touch .venv/installed $@
