# What one types here. `make` alone lists it.

TARGET := $(or $(CARGO_TARGET_DIR),target)
SANDBOX := $(TARGET)/debug/token-sandbox
FUNCTION := $(TARGET)/release/token-service
# Where tools/install puts Python's tools.
TOOLS := .venv/tools/bin
SAM := .venv/sam/bin
ON_STAGE := $(SAM)/python deploy/stage.py
BUILT := .aws-sam/build/Function
# The binary names source files in its panics: those of the crates by where cargo has put them, unless told otherwise. RUSTFLAGS
# replaces cargo-lambda's own, which is the processor that Lambda has at least.
ARM64_FLAGS := -C target-cpu=neoverse-n1 --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)/registry/src=/crates --remap-path-prefix=$(CURDIR)=/token-service
CARGO_TOOLS := $(abspath $(TARGET))/tools
WITH_CARGO_TOOLS = PATH="$(CARGO_TOOLS)/bin:$(CURDIR)/$(TOOLS):$$PATH"
# Always `--workspace`: cargo unifies features for the packages that it builds, so each `-p` compiles both AWS SDKs again.
BUILD_BIN = cargo build --workspace $(foreach program,$(1),--bin $(program))

# `sam` asks for a region even where it calls nobody.
export AWS_DEFAULT_REGION ?= us-east-1
export SAM_CLI_TELEMETRY := 0

.DEFAULT_GOAL := help
# Some are named like a folder.
.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*/\1/p' $(MAKEFILE_LIST))

help: ## List the targets
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ The first day
run: programs ## Follow one session through the real binary, from a token to the logout, and show every step
	$(SANDBOX) run

test: with-test with-token-client programs ## Run the tests of the workspace, and of the clients with third-party JOSE libraries
	$(WITH_CARGO_TOOLS) cargo nextest run --workspace
	clients/run node python --sandbox $(SANDBOX)
	$(TOOLS)/python docs/vectors/make.py --check
	@echo "All passed: the workspace's tests, the clients' checks, and the test vectors."
local: rust cc ## Keep the whole stack running on this machine, with a curl line to paste (PORT=, DATA_DIR=, EMPTY=1: no keys yet)
	$(call BUILD_BIN,token-service token-sandbox tokenctl)
	$(SANDBOX) local --env-file $(TARGET)/sandbox.env $(if $(PORT),--port "$(PORT)") $(if $(DATA_DIR),--data-dir "$(DATA_DIR)") $(if $(EMPTY),--empty)
invoke: event programs ## Send one event file through the real binary: EVENT=events/NAME.json
	$(SANDBOX) invoke "$(EVENT)"
events: programs ## Rewrite the sample events, after a change of the development keys
	$(SANDBOX) events --out events

##@ Test
clients: python programs ## Check the clients against the sandbox and the test vectors: all, or CLIENTS="go php"
	clients/run $(CLIENTS) --sandbox $(SANDBOX)
openapi: with-openapi programs ## Check docs/openapi.yaml and the Postman collection against the sandbox
	tests/openapi/run --sandbox $(SANDBOX)
page-test: with-page programs ## Drive the sandbox's page in Chromium
	sandbox/page/tests/check $(SANDBOX)

# First what both lanes need. Then one lane tests, the other lints, builds what is optimised, and counts. The simulation has the
# machine to itself, as it judges times; its sequences are the same each time, so that a change fails by its own fault.
ci: ## Run what CI runs, everything but what takes hours
	$(MAKE) -j2 installed programs
	$(MAKE) -j2 ci-tests ci-rest
	$(MAKE) simulate N=300 SEED=1

ci-tests:
	$(MAKE) -j1 test e2e attacks run invoke openapi page-test EVENT=events/get-token.json
	$(MAKE) -j1 dist DEBUG=1
	$(MAKE) -j1 clients CLIENTS="curl go java php"
	$(MAKE) -j1 fuzz-replay

# Its lines begin with a bar, as they come between the other lane's.
ci-rest: SHELL := bash
ci-rest: .SHELLFLAGS := -o pipefail -c
ci-rest:
	$(MAKE) -j1 fmt policy validate clippy supply-chain measure bench-instructions attack-cost side-channels checkov deployable 2>&1 | sed -u 's/^/| /'

# Each of these finds new inputs, or builds everything again.
nightly: N := 10000
nightly: SECONDS := 600
nightly: FOR := linux-x64 linux-arm64
nightly: planted simulate fuzz rotate-under-load qemu dist ## What takes hours: planted bugs, 10,000 sequences, ten minutes a fuzz target, a rotation in real time, optimised packages

check: fmt clippy validate policy ## Check formatting, lints and the templates
# tests/fuzz/ is a workspace of its own.
fmt: rust
	cargo fmt --all --check
	cargo fmt --manifest-path tests/fuzz/Cargo.toml --check
clippy: rust cc
	cargo clippy --workspace --all-targets -- -D warnings
validate: with-sam ## Check template.yaml as it is written (sam validate --lint)
	$(SAM)/sam validate --lint
policy: with-sam with-deploy ## Check what CloudFormation gets, who may do what, the alarms and the pipeline; each check against planted faults
	$(TOOLS)/pytest --ignore deploy/checks/test_e2e.py --ignore deploy/checks/test_adopt.py deploy/checks
checkov: with-checkov ## Check the templates with checkov; waived checks are in deploy/checkov.yaml
	.venv/checkov/bin/checkov --config-file deploy/checkov.yaml --file template.yaml deploy/account.yaml deploy/watch.yaml deploy/firewall.yaml
e2e: with-sam with-deploy rust cc ## Deploy all stacks to an emulator of AWS, and call the service through its API Gateway
	$(call BUILD_BIN,token-service tokenctl)
	$(TOOLS)/pytest deploy/checks/test_e2e.py deploy/checks/test_adopt.py

##@ Deploy
build: with-sam rust cc ## Build what is deployed: the arm64 bootstrap (sam build)
	@test -d "$$(rustc --print target-libdir --target aarch64-unknown-linux-gnu)" || rustup target add aarch64-unknown-linux-gnu
	RUSTFLAGS="$(ARM64_FLAGS)" PATH="$(CURDIR)/$(SAM):$$PATH" sam build --build-in-source
	@ls -l $(BUILT)/bootstrap
reproducible: with-sam rust cc ## Build the last commit twice, as on two machines, and compare the bytes
	deploy/reproducible
deploy: stage $(if $(filter done,$(BUILD)),,build) ## Deploy: STAGE=dev, of samconfig.toml (PARAMETERS="NAME=VALUE", BUILD=done deploys .aws-sam as it is)
	$(ON_STAGE) deploy "$(STAGE)" $(PARAMETERS)
refresh: region with-sam ## Replace a stage's instances by new ones, which read the current secrets: STAGE=dev
	$(ON_STAGE) refresh "$(STAGE)"
env: region with-sam ## Print a stage's outputs as export lines, for eval: STAGE=dev
	@$(ON_STAGE) env "$(STAGE)"
delete: region with-sam ## Delete a stage and keep its data: STAGE=dev CONFIRM=token-service-dev
	$(ON_STAGE) delete "$(STAGE)" --confirm "$(CONFIRM)"
adopt: region with-sam ## Take the data that a deleted stage left into a new stack: STAGE=dev (RESOURCES="NAME=ID ...")
	$(SAM)/python deploy/adopt.py "$(STAGE)" $(RESOURCES)

##@ For partners
dist: with-dist rust cc $(if $(DEBUG),,$(CARGO_TOOLS)/cargo-cyclonedx-0.5.9) ## Pack tokenctl and the sandbox to install without Rust, and try that (FOR="linux-x64 linux-arm64", DEBUG=1 packs target/debug)
	$(if $(DEBUG),$(call BUILD_BIN,token-service token-sandbox tokenctl))
	$(WITH_CARGO_TOOLS) tools/dist $(if $(DEBUG),--built "$(TARGET)/debug") $(FOR)
	$(WITH_CARGO_TOOLS) tools/dist-trial

##@ Evidence
release: rust cc ## Build the function for this machine, optimised as for Lambda
	cargo build --release --bin token-service
	@ls -l $(FUNCTION)
model: rust cc ## Check the design in every state, and show how each planted bug is caught
	$(call BUILD_BIN,model)
	$(TARGET)/debug/model
simulate: programs ## Let faults, crashes and wrong clocks loose on the real binary: N=10000 sequences, SEED=, TLS=1, SHRINK=0 seconds
	$(call BUILD_BIN,simulation)
	$(TARGET)/debug/simulation --sequences "$(or $(N),300)" $(if $(SEED),--seed "$(SEED)") $(if $(TLS),--tls) $(if $(SHRINK),--shrink "$(SHRINK)")
rotate-under-load: programs ## Rotate every key under load with every wait in full: 8 minutes
	cargo test --workspace --test tokenctl -- --ignored --nocapture no_request_is_refused
# botocore's list of regions is that of the function's SDK, which keeps its own to itself.
REGIONS = import boto3; s = boto3.Session(); print("\n".join(f"{p} {r}" for p in s.get_available_partitions() for r in s.get_available_regions("dynamodb", p)))
tls: with-deploy rust cc ## Shake hands with DynamoDB and Secrets Manager of every region, as the function does (BUNDLE=file.pem)
	@$(TOOLS)/python -c '$(REGIONS)' | AWS_CA_BUNDLE="$(BUNDLE)" AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true cargo run --quiet --example tls
fuzz: rust cc python ## Fuzz the service, and go on from earlier runs: SECONDS=30 or RUNS= a target, TARGETS="jwe header"
	tests/fuzz/run $(if $(RUNS),--runs "$(RUNS)") $(if $(SECONDS),--seconds "$(SECONDS)") $(TARGETS)
fuzz-replay: rust cc python ## Run the fuzz targets on their seeds, without looking for new inputs
	tests/fuzz/run --replay
attacks: programs python ## Try published attacks on the real binary: all, or KIND=json
	tests/service/attacks/run $(if $(KIND),--kind "$(KIND)")
attack-cost: release valgrind ## Count what refused inputs cost against a valid one; FOUND=target/fuzz-work/worst counts these
	$(call BUILD_BIN,bench)
	$(TARGET)/debug/bench attack-cost --function $(FUNCTION) $(if $(FOUND),--found "$(FOUND)")
planted: rust cc valgrind with-test with-dist ## Plant bugs in a copy, and see that each is caught: all, or BUGS="kid-is-told iv-counts"
	tests/planted/run $(BUGS)
taint: programs with-test ## Search all that comes out, and memory, for secrets and customers
	$(WITH_CARGO_TOOLS) cargo nextest run --workspace --test service --no-capture -E 'test(taint::)'
side-channels: rust cc valgrind ## Count the instructions of the checks of keys and secrets; TIMES=1 times them, on a machine that does nothing else
	cargo build --profile side-channels -p side-channels
	$(TARGET)/side-channels/side-channels $(if $(TIMES),time,count)
mutants: rust cc $(CARGO_TOOLS)/cargo-mutants-27.1.0 ## Change the function in every way, and see that a test notices: an hour (FILE="src/keys.rs")
	$(WITH_CARGO_TOOLS) tools/mutants $(FILE)
supply-chain: rust cc with-supply-chain $(CARGO_TOOLS)/cargo-cyclonedx-0.5.9 ## Check licenses and sources of every crate, and write the bill of materials
	$(WITH_CARGO_TOOLS) tools/supply-chain
measure: release ## Fail if an operation exceeds its limits: binary, memory, calls per request, bytes per item
	$(call BUILD_BIN,bench)
	$(TARGET)/debug/bench measure --function $(FUNCTION)
bench: with-node-peer benchmarks ## Compare the function with a floor and with the same job in Node.js: times, memory, calls, bytes (ROUNDS=)
	npm run --silent --workspace tests/cost/peers/node build
	$(TARGET)/debug/bench compare --function $(FUNCTION) --floor $(TARGET)/release/floor --node tests/cost/peers/node/bundle.mjs $(if $(ROUNDS),--rounds "$(ROUNDS)")
bench-instructions: $(if $(FLOOR),benchmarks,release) valgrind ## Count the instructions of a start and of each step of a request (ACCEPT=1 keeps them, FLOOR=1 counts the floor too)
	$(call BUILD_BIN,bench)
	$(TARGET)/debug/bench instructions --function $(FUNCTION) $(if $(FLOOR),--floor $(TARGET)/release/floor) --baseline tests/cost/baseline.json $(if $(ACCEPT),--accept)
bench-variants: rust cc valgrind ## Build the function otherwise and compare: half an hour, or BUILDS="lto-thin static"
	tests/cost/variants $(BUILDS)
bench-scale: release optimised-bench valgrind ## Count a request among as many partners as a secret holds, and beside a million items
	$(TARGET)/optimised/bench scale --function $(FUNCTION) $(if $(ITEMS),--items "$(ITEMS)")
bench-memory: release optimised-bench ## Measure times and cost at each of Lambda's memory settings, by a cgroup; as root (ROUNDS=)
	$(TARGET)/optimised/bench memory --function $(FUNCTION) $(if $(ROUNDS),--rounds "$(ROUNDS)")
bench-load: release optimised-bench ## Measure latency by load in the sandbox, and plot it: docs/latency.svg
	$(TARGET)/optimised/bench load --function $(FUNCTION) --plot docs/latency.svg
deployable: qemu build ## Hold what make build made against its size, and have it issue tokens on Lambda's oldest arm64 processor
	$(call BUILD_BIN,bench)
	$(TARGET)/debug/bench deployed --package "$(BUILT)"

##@ Clean up
clean: rust ## Remove everything that was built or installed here
	cargo clean
	rm -rf .aws-sam .sandbox .venv node_modules clients/node/node_modules tests/cost/peers/node/node_modules tests/cost/peers/node/bundle.mjs sandbox/page/tests/screenshots

event:
	@test -f "$(EVENT)" || { \
	    echo "$(if $(EVENT),There is no $(EVENT),Say which event, as in: make invoke EVENT=events/get-token.json). There are:" >&2; \
	    ls events/*.json | grep -v manifest >&2; exit 1; }
# Refuses what would fail, before minutes are spent on a build.
stage: region with-sam
	@$(ON_STAGE) check "$(STAGE)" $(PARAMETERS)
region:
	@test "$(origin AWS_DEFAULT_REGION)" != file || { echo "Say which region, as in: make $(MAKECMDGOALS) AWS_DEFAULT_REGION=eu-west-1" >&2; exit 1; }

# What run and invoke need, and no more: a newcomer waits for it. The tests build the rest.
programs: rust cc
	$(call BUILD_BIN,token-service token-sandbox)
# One by one: built together, the function would get the features that the floor asks of the same crates.
benchmarks: release
	cargo build --release -p floor
	$(call BUILD_BIN,bench)
# The sandbox, where it is a part of what is measured. By itself: with the function, it would bring its features into that.
optimised-bench: rust cc
	cargo build --profile optimised -p benches

# Each is a group of pyproject.toml, a workspace of package.json, or both.
NAMES := test supply-chain dist openapi deploy sam checkov token-client page node-peer
$(NAMES:%=with-%): with-%: python
	@tools/install $*
installed: python
	@tools/install $(filter-out node-peer,$(NAMES))

# Any other of Cargo's tools by name and version, compiled once: for these a quick build is worth more than a quick program.
$(CARGO_TOOLS)/cargo-%: | rust cc
	@echo "compiling $(@F) into $(CARGO_TOOLS)"
	@tool=$(@F); CARGO_TARGET_DIR=$(CARGO_TOOLS)/build \
	    cargo install --quiet --locked --debug --root $(CARGO_TOOLS) "$${tool%-*}@$${tool##*-}"
	@rm -rf $(CARGO_TOOLS)/build
	@touch $@

# What a machine must have, looked for where it is needed. tools/install looks for Node.js.
missing = { echo "$(1) missing. Get it with: $(2)" >&2; exit 1; }
rust:
	@command -v cargo >/dev/null || $(call missing,cargo is,curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh)
# ring and SQLite have C.
cc:
	@command -v cc >/dev/null || $(call missing,A C compiler is,apt-get install build-essential (macOS: xcode-select --install))
python:
	@python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || \
	    $(call missing,Python 3.10 or newer with venv is,apt-get install python3 python3-venv (macOS: brew install python3))
valgrind:
	@command -v valgrind >/dev/null || $(call missing,valgrind is,apt-get install valgrind (there is none for macOS on arm64))
qemu:
	@test "$$(uname -m)" = aarch64 || { command -v qemu-aarch64 && test -e /usr/aarch64-linux-gnu/lib/libgcc_s.so.1; } >/dev/null || \
	    $(call missing,qemu-aarch64 or an arm64 system's libraries are,apt-get install qemu-user libc6-arm64-cross libgcc-s1-arm64-cross)
