# The platform's commands. Each sets up what it needs in .venv and is quick the second time.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
REFERENCE ?= $(or $(GENOMICS_REFERENCE),demo)
export GENOMICS_REFERENCE := $(REFERENCE)
# Python's bytecode must be kept: without it every start of Dagster costs ten seconds more.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: fhir-definitions hail databricks-connect hapi help setup setup-dev demo test check docs release serve bench clean lock gatk browser readers spark tmdl azurite checkov launchers knowledge

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup: $(VENV)/.kernels
setup-dev: $(VENV)/.dev

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: set PYTHON=...")'
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.core: $(BIN)/uv pyproject.toml requirements.lock
	@$(BIN)/uv pip install --quiet --python $(VENV) --constraint requirements.lock --editable .
	@touch $@

$(VENV)/.kernels: $(VENV)/.core
	@echo "Compiling the engine's kernels, once ..."
	@$(BIN)/python -m engine.warm
	@touch $@

$(VENV)/.demo: $(VENV)/.core
	@$(BIN)/uv pip install --quiet --python $(VENV) --constraint requirements.lock --editable '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/.kernels pyproject.toml requirements.lock
	@$(BIN)/uv pip install --quiet --python $(VENV) --constraint requirements.lock --editable '.[dev]'
	@touch $@

$(VENV)/.docs: $(VENV)/.dev
	@$(BIN)/uv pip install --quiet --python $(VENV) --constraint requirements.lock --editable '.[dev,docs]'
	@touch $@

# What is not compiled yet is compiled beside the demo; its steps wait for the kernels that they need, and no others.
demo: $(VENV)/.demo  ## run the demo family from FASTQ to FHIR and print what was found
	@[ $(VENV)/.kernels -nt $(VENV)/.core ] || { $(BIN)/python -m engine.warm && touch $(VENV)/.kernels; } & \
	GENOMICS_REFERENCE=demo $(BIN)/python -m demo.run; status=$$?; wait; exit $$status

test: setup-dev  ## run the tests
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup $(PYTEST_ARGS)

check: setup-dev  ## lint, types, import direction
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/dg check defs 2>/dev/null || $(BIN)/dg check defs
	@$(BIN)/python -m pytest -q tests/test_import_direction.py

docs: $(VENV)/.docs  ## build the site of documents and API pages in site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

release: setup-dev  ## VERSION=x.y.z: set the version, date the changelog, build wheels and SBOM in dist/
	@$(BIN)/python -m release $(VERSION)

serve: setup  ## serve the web UI with sensors and daemon; prints the address to open
	@$(BIN)/python -m demo.serve

knowledge: setup  ## REFERENCE=GRCh38 FROM=folder or URL: declare and build what a folder of downloads holds (docs/knowledge.md)
	@test -n "$(FROM)" || { echo "say where the files are: make knowledge REFERENCE=GRCh38 FROM=folder (or its URL)" >&2; exit 2; }
	@$(BIN)/genomics knowledge --from "$(FROM)"
	@$(BIN)/python -m genomics_assets.build_knowledge

bench: setup-dev  ## measure the engine beside its peers (see docs/measurements.md)
	@$(BIN)/python -m benchmarks

gatk:  ## install GATK 4.6 from Maven Central into .gatk (needs Java 17 and Maven)
	@mvn -q -B -f benchmarks/gatk/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/.gatk/lib -DincludeScope=runtime

fhir-definitions: setup  ## make the validator's definitions again from HL7's npm packages (needs npm)
	@$(BIN)/python -m release.fhir_definitions

DELTA := 4.0.0
COPY := mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy -DoutputDirectory=$(CURDIR)/.readers/jars
hapi: setup-dev  ## install a HAPI FHIR server and HL7's validator into .hapi, for the tests (needs Java 17, Maven and npm)
	@mvn -q -B -f tests/hapi/pom.xml compile dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/.hapi/lib -DincludeScope=runtime
	@$(BIN)/python -m release.fhir_definitions --fetch .hapi/packages

readers: $(BIN)/uv  ## install programs that read our files, for the tests, into .readers: MultiQC, peddy's ancestry panel, WeasyPrint with a reader of PDF, pgenlib, Spark with Delta (Maven), igv.js, axe-core and a provider of identities (npm)
	@$(BIN)/uv venv --quiet --allow-existing .readers
	@$(BIN)/uv pip install --quiet --python .readers multiqc==1.35 pyspark==4.0.1
	@$(BIN)/uv pip install --quiet --python $(VENV) --target .readers/pdf --constraint requirements.lock weasyprint pypdfium2==5.13.0
	@$(BIN)/uv pip install --quiet --python $(VENV) --target .readers/pgen --no-deps pgenlib==0.95.1
	@$(BIN)/python -m pip download --quiet --no-deps --no-binary peddy --dest .readers/peddy peddy==0.4.8
	@$(COPY) -Dartifact=io.delta:delta-spark_2.13:$(DELTA)
	@$(COPY) -Dartifact=io.delta:delta-storage:$(DELTA)
	@npm install --silent --no-save --no-audit --prefix .readers igv@3.8.10 axe-core@4.14.1 oidc-provider@9.13.3

spark: $(BIN)/uv  ## install Spark with dbt and the platform into .spark, for the tests (needs Java 17)
	@$(BIN)/uv venv --quiet --allow-existing .spark
	@$(BIN)/uv pip install --quiet --python .spark --constraint requirements.lock "dbt-spark[session]==1.11.0" --editable ".[spark,notebooks,databricks]"

hail: $(BIN)/uv  ## install Hail, with a Spark of its own, into .hail, for the tests and the benchmark (needs Java 11 or 17)
	@$(BIN)/uv venv --quiet --allow-existing .hail
	@$(BIN)/uv pip install --quiet --python .hail hail==0.2.139

databricks-connect: $(BIN)/uv  ## install Databricks Connect, with a Spark and NumPy of its own, into .databricks-connect, for the tests
	@$(BIN)/uv venv --quiet --allow-existing .databricks-connect
	@$(BIN)/uv pip install --quiet --python .databricks-connect databricks-connect==16.1.7 "pyarrow<20" "pandas<3" pyyaml

azurite:  ## install Azurite, the emulator of Azure Storage, into .azurite, for the tests (needs Node.js 20 or newer)
	@npm install --silent --no-save --no-audit --prefix .azurite azurite@3.35.0

checkov: $(BIN)/uv  ## install checkov, schemas of Kubernetes and Helm into .checkov and .helm, which judge deploy/, for the tests (Helm needs Go)
	@$(BIN)/uv venv --quiet --allow-existing .checkov
	@$(BIN)/uv pip install --quiet --python .checkov checkov==3.3.30 kubernetes-validate==1.37.0
	@GOBIN=$(CURDIR)/.helm go install -p=1 helm.sh/helm/v3/cmd/helm@v3.19.0

launchers: $(BIN)/uv  ## install Dagster's launchers for Celery, Kubernetes and Container Apps into .launchers, for the tests (Celery's wants Debian's redis-server)
	@$(BIN)/uv venv --quiet --allow-existing .launchers
	@$(BIN)/uv pip install --quiet --python .launchers --constraint requirements.lock dagster-celery==0.29.27 redis==8.1.0 dagster-k8s==0.29.27 kubernetes-validate==1.37.0 "dagster-azure[container-apps]" --editable '.[dev]'

MONO := runtime-serialization4.0 numerics4.0 data4.0 configuration4.0 xml-linq4.0 security4.0 web4.0 net-http4.0 componentmodel-dataannotations4.0 core4.0
tmdl: $(BIN)/uv  ## install Microsoft's parser of TMDL (PyPI, under Microsoft's terms) into .readers, and Mono that runs it (Debian, as root), for the tests
	@apt-get install -y -qq --no-install-recommends mono-runtime mono-mcs libmono-microsoft-csharp4.0-cil $(MONO:%=libmono-system-%-cil)
	@$(BIN)/uv pip install --quiet --python $(VENV) --target .readers/tmdl --no-deps pbi-cli-tool==3.12.0

browser:  ## install what the browser tests need (Debian, as root)
	@apt-get install -y -qq chromium chromium-driver

lock: $(BIN)/uv  ## pin every dependency again in requirements.lock
	@echo "# Every dependency and extra, pinned: a constraints file compiled with: make lock" > requirements.lock
	@$(BIN)/uv pip compile --quiet --all-extras --universal --python-version 3.11 --no-header --no-emit-index-url --no-annotate --upgrade pyproject.toml >> requirements.lock

clean:  ## remove the environment, caches and the demo's data
	@rm -rf $(VENV) data/demo build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
