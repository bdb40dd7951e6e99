# Needs make and Python 3.11 or later; fetches everything else into .venv, at the versions and hashes of the locks.

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --python $(BIN)/python --require-hashes
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-emit-package vigie-sdk

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help: ## Show this list
	@$(PYTHON) -c 'import re; [print(f"  make {name:16} {text}") for name, text in \
		re.findall(r"^([\w-]+):.*?## (.+)", open("Makefile").read(), re.M)]'

run: .venv/run ## Serve Vigie on http://127.0.0.1:8000 (VIGIE_PORT and the other VIGIE_* settings are honoured)
	@$(BIN)/python graphiql/build.py || echo "GraphiQL is missing from this run; the API does without it."
	@exec $(BIN)/vigie serve

test: .venv/test graphiql lint types ## Run every check and every test, on SQLite, PostgreSQL and Redis that start by themselves
	$(BIN)/pytest --numprocesses 4 --dist worksteal

test-long: .venv/test graphiql programs ## Run the tests at full size, and all of them on the older PostgreSQL too
	$(BIN)/pytest -m "long or not long" --numprocesses 4 --dist worksteal
	$(BIN)/pytest --postgresql 16 --numprocesses 4 --dist worksteal

programs: # stand before and beside replicas in test-long
	@PATH="$$PATH:/usr/sbin"; for program in haproxy nginx prometheus; do command -v $$program > /dev/null || \
		{ apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends $$program; } || \
		{ echo "make test-long needs $$program, which it could not install (Debian: apt install $$program, as root)."; exit 1; }; done

lint: .venv/test ## Check style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: .venv/test ## Write every file in the one format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: .venv/test ## Check types
	$(BIN)/mypy

sdl: .venv/run ## Write the schema to schema/schema.graphql
	$(BIN)/vigie sdl --write

migration: .venv/test ## Draft the migration from the tables to the models: make migration m="what it does"
	$(BIN)/python alembic/draft.py "$(m)"
	$(BIN)/ruff check --quiet --fix alembic
	$(BIN)/ruff format --quiet alembic

bench-ingest: .venv/test ## Measure the doors in, beside bare COPY in the same run
	$(BIN)/python -m benchmarks.ingest $(FLAGS)

bench-otlp: .venv/test ## Measure spans by OTLP, beside the same events by POST /v1/events
	$(BIN)/python -m benchmarks.otlp $(FLAGS)

bench-dashboard: .venv/test ## Measure the dashboard at 1 and 10 million events, beside the raw rows (minutes, 6 GB of disk)
	$(BIN)/python -m benchmarks.dashboard $(FLAGS)

bench-bugs: .venv/test ## Measure pages of bugs at a thousand and at a hundred thousand
	$(BIN)/python -m benchmarks.bugs $(FLAGS)

bench-fanout: .venv/test ## Measure a stream to a thousand sockets, beside a bare loop and Strawberry's own way
	$(BIN)/python -m benchmarks.fanout $(FLAGS)

bench-alerts: .venv/test ## Measure one evaluation of 100 and of 5,000 alert rules
	$(BIN)/python -m benchmarks.alerts $(FLAGS)

bench-graphql: .venv/test ## Measure answers that are kept and executed, beside a plain JSON endpoint
	$(BIN)/python -m benchmarks.graphql $(FLAGS)

bench-sdk: .venv/test ## Measure what track() and the middleware cost a program, with Vigie up, slow and down
	$(BIN)/python -m benchmarks.sdk $(FLAGS)

graphiql: .venv/run ## Build GraphiQL, which Vigie serves itself
	$(BIN)/python graphiql/build.py

lock: .venv/build ## Resolve the dependencies again (newest versions: make lock FLAGS=--upgrade)
	$(COMPILE) $(FLAGS) --group build --output-file requirements-build.lock
	$(COMPILE) $(FLAGS) --constraints requirements-build.lock --group dev pyproject.toml --output-file requirements-dev.lock
	$(COMPILE) $(FLAGS) --constraints requirements-build.lock --constraints requirements-dev.lock pyproject.toml \
		--output-file requirements.lock

clean: ## Remove everything that make made (not .vigie, where your data is)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist sdk/dist vigie/static
	rm -rf graphiql/node_modules tests/*/node_modules
	find . -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help run test test-long programs lint format types sdl migration bench-ingest bench-otlp bench-dashboard bench-bugs bench-fanout bench-alerts bench-graphql bench-sdk graphiql lock clean

# What is installed, each stamp on top of the one before. The project itself is installed in place.

.venv/build: requirements-build.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Vigie needs Python 3.11 or later. Name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
		{ echo "This Python comes without venv. Install it (Debian: apt install python3-venv)."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/run: requirements.lock pyproject.toml sdk/pyproject.toml .venv/build
	$(INSTALL) -r $<
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable sdk --editable .
	@touch $@

.venv/test: requirements-dev.lock .venv/run
	$(INSTALL) -r $<
	@touch $@
