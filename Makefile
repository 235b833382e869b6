# What a newcomer needs is Python 3.11 or later; everything else comes from here.
PYTHON ?= python3
BIN := .venv/bin
UV := .tools/bin/uv
COMPILE := $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header

# uv and npm bring certificates of their own, and would not trust those that the machine's administrator added.
SYSTEM_CERTIFICATES := $(wildcard /etc/ssl/certs/ca-certificates.crt)
ifneq ($(SYSTEM_CERTIFICATES),)
export SSL_CERT_FILE ?= $(SYSTEM_CERTIFICATES)
export NODE_EXTRA_CA_CERTS ?= $(SYSTEM_CERTIFICATES)
endif

# Where it is set, each of the hundreds of programs that tests start would compile all that it imports, which takes seconds.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test check fmt lint types imports schema schema-check plans docs docs-check ui lock lock-check bench bench-graphql clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/.run ## Run everything on this machine: http://127.0.0.1:8000/graphiql
	@$(BIN)/python ui/build.py || echo "GraphiQL could not be built, all else works; make ui tries it again."
	@$(BIN)/python -m app run

test: .venv/.dev ui ## Run the tests, in three processes; ARGS='-k name' picks some, ARGS=-n0 runs them in one
	@$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

check: lint types imports schema-check docs-check lock-check test ## All that must hold before a change is taken

fmt: .venv/.dev ## Format the code, and mend what can be mended by itself
	@$(BIN)/ruff format -q
	@$(BIN)/ruff check -q --fix

lint: .venv/.dev
	@$(BIN)/ruff format -q --check || { echo "Not formatted; make fmt mends it."; exit 1; }
	@$(BIN)/ruff check -q

types: .venv/.dev
	@$(BIN)/mypy

imports: .venv/.dev
	@$(BIN)/lint-imports --no-logo

schema: .venv/.dev ## Print the GraphQL schema into schema.graphql
	@$(BIN)/python -m app schema > schema.graphql.new
	@mv schema.graphql.new schema.graphql

schema-check: .venv/.dev
	@$(BIN)/python -m app schema | diff -u schema.graphql - || { echo "schema.graphql is not the schema; make schema prints it."; exit 1; }

plans: .venv/.dev ## Say which fields of the schema are compiled to SQL, and why the others are not
	@$(BIN)/python -m app plans

docs: .venv/.dev ## Write the generated pages of docs/reference
	@$(BIN)/python -m app docs

docs-check: .venv/.dev
	@$(BIN)/python -m app docs --check

bench: .venv/.dev ## Measure, beside what we compare ourselves with
	@$(BIN)/python -m bench $(ARGS)

bench-graphql: .venv/.dev ## Measure GraphQL beside other servers, in about ten minutes; ARGS='--only WORD' picks some
	@$(BIN)/python -m bench graphql $(ARGS)

lock: $(UV) ## Pin the newest allowed versions of everything that we depend on
	@$(COMPILE) --upgrade pyproject.toml -o requirements.lock
	@$(COMPILE) --upgrade --group dev pyproject.toml -o requirements-dev.lock

# The pins that are there are kept, so only a change in pyproject.toml shows. Hashes are not compared: a release may gain
# a wheel at any time.
lock-check: $(UV)
	@cp requirements.lock requirements-dev.lock .tools/
	@$(COMPILE) pyproject.toml -o .tools/requirements.lock
	@$(COMPILE) --group dev pyproject.toml -o .tools/requirements-dev.lock
	@for lock in requirements.lock requirements-dev.lock; do \
		grep == $$lock > .tools/pinned && grep == .tools/$$lock | diff -u .tools/pinned - \
		|| { echo "$$lock is not of pyproject.toml; make lock renews it."; exit 1; }; done

clean: ## Remove everything that was made here; databases stay
	@rm -rf .venv .tools .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@rm -rf ui/graphiql/node_modules app/static/graphiql tests/conformance/node_modules
	@find app tests migrations bench examples -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# It looks for itself whether anything changed since it built last.
ui: | .venv/.run
	@$(BIN)/python ui/build.py

# Debian's Python may lack ensurepip and refuse to install into the system; --target is allowed in both cases.
.venv/.run: requirements.lock | $(UV)
	@test -x $(BIN)/python || $(UV) venv -q --python $(PYTHON) .venv
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r $<
	@touch $@

.venv/.dev: requirements-dev.lock | $(UV)
	@test -x $(BIN)/python || $(UV) venv -q --python $(PYTHON) .venv
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r $<
	@touch $@ .venv/.run

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit("Workyard needs Python 3.11 or later. PYTHON=python3.12 after make names one." if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m pip install -q --disable-pip-version-check --root-user-action=ignore --target .tools uv \
		|| { mkdir -p .tools/bin && ln -sf "$$(command -v uv)" $@; } \
		|| { echo "Found neither pip nor uv. Install one of them: apt-get install python3-pip"; exit 1; }
