# make run and make test need nothing but Python 3.11 or newer with venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help run demo test test-slow fuzz test-swarm test-kubernetes lint format check schemas golden clean

help:
	@echo "make run      the live monitor on this host, with the demo service behind it"
	@echo "make demo     the same"
	@echo "make test     all tests but the slow ones"
	@echo "make lint     ruff, mypy --strict, import contracts"
	@echo "make check    lint and test"
	@echo "make test-slow  the slow proofs"
	@echo "make fuzz     the properties with thirty times as many examples"
	@echo "make test-swarm       scale a real Docker Swarm (root, docker.io, busybox-static, iproute2)"
	@echo "make test-kubernetes  scale on a real control plane (CAPMON_KUBE, CAPMON_SHARED)"
	@echo "make schemas  write schemas/*.json anew from the types"
	@echo "make golden   write tests/screens anew"
	@echo "make clean    remove what make made"

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing capmon into $(VENV)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]' >&2
	@$(BIN)/python -m compileall -q capmon
	@touch $(STAMP)

run demo: $(STAMP)
	@$(BIN)/capmon demo

test: $(STAMP)
	$(BIN)/python -m pytest -q -m "not slow and not swarm and not kubernetes" -n 3 --dist loadfile

test-slow: $(STAMP)
	$(BIN)/python -m pytest -q -m slow

fuzz: $(STAMP)
	$(BIN)/python -m pytest -q -m property -n 2 --dist loadfile --hypothesis-profile=fuzz

# Each starts what it needs, takes it away again, and skips with a reason where it cannot.
test-swarm: $(STAMP)
	$(BIN)/python -m pytest -q -m swarm tests/orchestrators

test-kubernetes: $(STAMP)
	$(BIN)/python -m pytest -q -m kubernetes tests/orchestrators

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: lint test

schemas: $(STAMP)
	$(BIN)/capmon config schema > schemas/config.schema.json
	$(BIN)/python -m capmon.snapshot_schema > schemas/snapshot.schema.json
	$(BIN)/python -m capmon.report.plan_schema > schemas/plan.schema.json

golden: $(STAMP)
	CAPMON_UPDATE_GOLDEN=1 $(BIN)/python -m pytest -q tests/ui/test_golden.py tests/report tests/test_plan_command.py

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
