# Everything starts here; `make` alone lists it. Needs Python 3.11+ and make; the rest is installed into .venv.

PORT ?= 8000
DATA_DIR ?= var
JOBS ?= 2
# One of these that is at least 3.11.
PYTHON ?= $(firstword $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p; done))
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint requirements.lock
TORCH := $(shell sed -n '/^torch==/p' requirements.lock)

.PHONY: help demo up test lint audit s3 format clean
.DELETE_ON_ERROR:

help:  ## This list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10
	@echo "Options: PORT=$(PORT) DATA_DIR=$(DATA_DIR) COUNT=50 (make demo only: post so many, sum up, stop)"
	@echo "         JOBS=$(JOBS) (make test and lint: processes side by side; 0: one after the other)"

demo: .venv/up  ## The whole stack with a camera that posts synthetic boards; COUNT=50 posts 50 and stops
	@exec $(BIN)/inspector up --demo --port $(PORT) --data-dir $(DATA_DIR) $(if $(COUNT),--count $(COUNT) --rate 0)

up: .venv/up  ## The whole stack, without a camera
	@exec $(BIN)/inspector up --port $(PORT) --data-dir $(DATA_DIR)

test: lint  ## Everything: lint, types, imports, tests
	@$(MAKE) --no-print-directory redis-server postgresql nginx chromium prometheus
	PYTHONHASHSEED=0 OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses $(JOBS) --dist worksteal

lint: .venv/dev  ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --num-workers $(JOBS)
	$(BIN)/lint-imports --no-logo

audit: .venv/audit  ## Known vulnerabilities of the locked versions; needs the network
	.venv/audit/bin/pip-audit --strict --no-deps --disable-pip --requirement requirements.lock

s3: .venv/s3  ## The store of images, tried on an S3 server (moto's)
	.venv/s3/bin/python -m pytest -q --noconftest -c /dev/null --rootdir . -p no:cacheprovider tests/s3/check_images.py

format: .venv/dev  ## Put the code into ruff's form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:  ## Remove what make installed and tools cached; never the data directory
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The stamps lie in .venv: they go when it goes.
.venv/up: .venv/made pyproject.toml requirements.lock
	@echo "installing what the stack needs (once; no torch) ..."
	@$(PIP) --editable '.[up]'
	@touch $@

.venv/dev: .venv/made pyproject.toml requirements.lock
	@echo "installing what development needs (once; torch is large) ..."
	@$(PIP) '$(TORCH)'
	@$(PIP) --editable '.[dev]'
	@touch $@ .venv/up

# botocore wants an older python-dateutil than matplotlib and pandas have in requirements.lock.
.venv/s3: .venv/made
	@.venv/bin/python -m venv $@
	@$@/bin/python -m pip --disable-pip-version-check install --quiet \
		's3fs==2026.9.0' 'fsspec==2026.9.0' 'moto[server]==5.2.5' pytest
	@$@/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --editable .

# In an environment of its own: what it needs is no part of what it audits. --strict: what could not be looked up
# is no good news.
.venv/audit: .venv/made
	@.venv/bin/python -m venv $@
	@$@/bin/pip --disable-pip-version-check install --quiet pip-audit==2.10.1

.venv/made:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) --no-print-directory apt-venv
	@$(PYTHON) -m venv .venv
	@touch $@

# Debian splits these off. As root they are installed; anybody else is told the line to run.
.PHONY: apt-venv redis-server postgresql nginx chromium prometheus
apt-venv: PACKAGE = $(notdir $(PYTHON))-venv
apt-venv:
	@$(APT)

redis-server: PACKAGE = redis-server
redis-server:
	@command -v redis-server >/dev/null || { $(APT); }

postgresql: PACKAGE = postgresql
postgresql:
	@ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || { $(APT); }

# Debian puts it into /usr/sbin, which is not on everybody's path. openssl makes the tests' certificate.
nginx: PACKAGE = nginx openssl
nginx:
	@export PATH=$$PATH:/usr/sbin; command -v nginx >/dev/null && command -v openssl >/dev/null || { $(APT); }

chromium: PACKAGE = chromium
chromium:
	@command -v chromium >/dev/null || { $(APT); }

# promtool comes with it.
prometheus: PACKAGE = prometheus
prometheus:
	@command -v prometheus >/dev/null && command -v promtool >/dev/null || { $(APT); }

define APT
if [ "$$(id -u)" = 0 ]; then \
	echo "installing Debian's $(PACKAGE) ..."; \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGE) >/dev/null; \
else \
	echo "$(PACKAGE) is missing; run: sudo apt-get install $(PACKAGE)"; exit 1; \
fi
endef
