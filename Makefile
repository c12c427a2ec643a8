# Every target is one line you could have typed yourself; the logic is in Python (launcher/, tests/harness/).
# `make` alone prints this page.

PYTHON ?= python3
VENV   := .venv/bin
# K='loki and not slow' narrows tests
K      ?=
# S=api names a service
S      ?=
# SEED=1 repeats the order of an earlier run, which said its seed
SEED   ?=
# ARGS='...' is handed on
ARGS   ?=
PYTEST := $(VENV)/pytest $(if $(SEED),--randomly-seed=$(SEED))
# one more than there are cores: some of the mutants only wait
WORKERS := $(shell expr $$(nproc) + 1)
# two more for what is content with a container or two of its own, and waits for them most of the time
WAITERS := $(shell expr $(WORKERS) + 2)
export PYTHONPATH := .:tests:sample_app/src:inbox/src:grafana
# no image for testcontainers' reaper can be had; the harness cleans up after itself
export TESTCONTAINERS_RYUK_DISABLED := true

.DEFAULT_GOAL := help

##@ Run the stack

.PHONY: up down clean ps logs reload rules images footprint
up: venv ## Start everything, and prove that it works
	@$(VENV)/python -m launcher up $(ARGS)
down: venv ## Stop everything, keep the data
	@$(VENV)/python -m launcher down
clean: venv ## Stop everything, delete this project's volumes and secrets
	@$(VENV)/python -m launcher clean
ps: venv ## Show services, states and addresses
	@$(VENV)/python -m launcher ps
logs: venv ## Follow the logs; S=api for one service
	@$(VENV)/python -m launcher logs $(S)
reload: venv ## Let Prometheus and Alertmanager read their configuration again
	@$(VENV)/python -m launcher reload
rules: venv ## Show every alert: expression, threshold, wait, receivers, runbook, state now
	@$(VENV)/python -m prometheus.src rules
images: venv ## Have every image; PULL=1 asks the registries for what was built here
	@$(VENV)/python -m launcher images $(if $(PULL),--pull)
footprint: venv ## Sum the memory of the stack after 60 s of idleness
	@$(VENV)/python -m launcher footprint

##@ Prove it

.PHONY: demo smoke test unit config alerts quiet load bench mutate
demo: ready ## Three faults in under five minutes: what broke, who was told, what explains it, the all-clear
	@PYTHONUNBUFFERED=1 $(VENV)/python -m demo $(ARGS)
smoke: ready ## The quick suite: a private stack, every signal, one alert
	@$(PYTEST) -m smoke $(if $(K),-k "$(K)") $(ARGS)
# one part after the other: side by side on two cores, the first at the lowest priority, both took 20 min and not 16,
# and a deadline passed
test: lint ready ## Everything; K='loki and not slow' narrows it, SEED= repeats an order
	@$(if $(K),$(PYTEST) -k "$(K)" $(ARGS),$(PYTEST) -n $(WAITERS) -m "not stack" && $(PYTEST) -m stack $(ARGS))
unit: venv ## What needs no containers
	@$(PYTEST) -n $(WORKERS) tests/unit $(if $(K),-k "$(K)") $(ARGS)
config: ready ## That files agree with each other and with the binaries that read them
	@$(PYTEST) -n $(WORKERS) tests/config $(if $(K),-k "$(K)") $(ARGS)
alerts: ready ## Every alert rule, fired by a real fault, told to the right people, resolved (13 min)
	@$(PYTEST) -m every_alert $(if $(K),-k "$(K)") tests/alerting/test_every_alert.py $(ARGS)
quiet: ready ## That a healthy stack says nothing: at work, restarted, renewed, started (13 min)
	@$(PYTEST) -m quiet tests/alerting $(ARGS)
load: venv ## 30 s of load on the running stack; the verdict comes from Prometheus
	@$(VENV)/python -m loadtests $(ARGS)
bench: ready ## What telemetry costs: against a bare and a conventional application, in the image (4 min)
	@$(VENV)/python -m loadtests.bench
mutate: ready ## Break one thing at a time, see a test go red (29 min); K= selects
	@$(VENV)/python -m harness.mutation $(ARGS) $(if $(K),"$(K)")

##@ Change it

.PHONY: lint fmt dashboards slos alerts-page lock collector
lint: venv ## ruff and mypy
	@$(VENV)/ruff check --quiet . && $(VENV)/ruff format --check --quiet . && $(VENV)/mypy
fmt: venv ## Let ruff mend what it can
	@$(VENV)/ruff check --fix --quiet . ; $(VENV)/ruff format .
dashboards: venv ## Write grafana/dashboards from grafana/src
	@$(VENV)/python -m grafana.src
slos: venv ## Write prometheus/rules/generated from prometheus/slos
	@$(VENV)/python -m prometheus.src slos
alerts-page: venv ## Write docs/reference/alerts.md from rules, table and the last run's times
	@$(VENV)/python -m alerting.alerts_page
lock: venv ## Compile the hashed requirements from the *.in files
	@$(VENV)/python -m launcher.lock
collector: ## Write the Collector's sources from its builder.yaml
	@cd otel-collector/image && go run go.opentelemetry.io/collector/cmd/builder@v0.159.0 --skip-compilation --config builder.yaml

##@ Everything else

.PHONY: venv ready help
venv:
	@$(PYTHON) -m launcher.bootstrap
# what a private stack needs: engine and images
ready: venv
	@$(VENV)/python -m launcher images
help: ## Show this page
	@awk 'BEGIN {FS = ":.*## "; printf "usage: make \033[36m<target>\033[0m\n"} \
	  /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z][a-zA-Z0-9_-]*:.*## / {printf "  \033[36m%-12s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)
