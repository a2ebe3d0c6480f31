# SPDX-License-Identifier: BSD-3-Clause
# The one front door. Every target installs what it is missing and builds what it needs.
#
#   make run ARGS="--port 7000"   the release server
#   make test                     unit tests and all of tests/; last line: N passed, N failed
#   make check                    format, clang-tidy, thread safety, headers, tidy, instruction gate
#   make asan | tsan              all tests again under the sanitizers
#   make fuzz FUZZ_SECONDS=60     each fuzzer for that long; only FUZZ=name for one
#   make soak SOAK_ROUNDS=200     kill -9 under load, again and again; SOAK_SEED=n repeats one;
#                                 then SOAK_STORIES=2000 of the twin disk that loses its power
#   make simulate SEEDS=10000     the toolkit's caches, locks and writes behind in simulated worlds
#   make bench                    side by side with redis-server and valkey-server
#   make bench-cache              hit ratios by eviction policy, the live curve's error, and a
#                                 thousand readers of an expired key
#   make bench-toolkit            the typed cache beside loops of GET and SET with hiredis
#   make package                  build/release/*.deb: cairn, and libcairn-dev with the toolkit
#   make format | clean
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
FUZZ ?=
ARGS ?=
TESTS ?=
SOAK_ROUNDS ?= 200
SOAK_SEED ?=
SOAK_STORIES ?= 2000
SEEDS ?= 10000

.DELETE_ON_ERROR:
.PHONY: all build run test check asan tsan fuzz soak simulate bench bench-cache bench-toolkit \
  package format clean bootstrap-% build-%

all: build

bootstrap-%:
	@tools/bootstrap $(subst +, ,$*)

# Configures once; afterwards ninja sees for itself what changed.
build/%/build.ninja:
	@mkdir -p build
	@cmake --preset $* >build/$*.log || (cat build/$*.log; exit 1)

build: bootstrap-build
	@$(MAKE) --no-print-directory build/release/build.ninja
	@ninja -C build/release -j $(JOBS) apps

run: build
	@exec build/release/bin/cairn-server $(ARGS)

# Unit tests run with DCHECKs on; what is under tests/ drives the release programs.
test: bootstrap-build+test
	@$(MAKE) --no-print-directory build/release/build.ninja build/test/build.ninja
	@ninja -C build/release -j $(JOBS) apps test_programs
	@ninja -C build/test -j $(JOBS) unit_tests
	@tools/runtests --units build/test --programs build/release --only '$(TESTS)'

asan tsan: bootstrap-build+test+check
	@$(MAKE) --no-print-directory build/$@/build.ninja
	@ninja -C build/$@ -j $(JOBS) apps test_programs unit_tests
	@tools/runtests --units build/$@ --programs build/$@ --only '$(TESTS)'

check: bootstrap-build+test+check
	@JOBS=$(JOBS) tools/check

fuzz: bootstrap-build+check
	@$(MAKE) --no-print-directory build/fuzz/build.ninja
	@ninja -C build/fuzz -j $(JOBS) fuzzers
	@tools/runfuzz --bin build/fuzz/bin --seconds $(FUZZ_SECONDS) --only '$(FUZZ)'

simulate: bootstrap-build
	@$(MAKE) --no-print-directory build/release/build.ninja
	@ninja -C build/release -j $(JOBS) simulation
	@build/release/bin/simulation --seeds $(SEEDS)

soak: bootstrap-build+test
	@$(MAKE) --no-print-directory build build/test/build.ninja
	@ninja -C build/test -j $(JOBS) persist_test
	@tests/crash/run -v --rounds=$(SOAK_ROUNDS) $(if $(SOAK_SEED),--seed=$(SOAK_SEED))
	@POWER_LOSS_STORIES=$(SOAK_STORIES) build/test/bin/persist_test --gtest_filter='PowerLoss.*'

bench: bootstrap-build+bench
	@$(MAKE) --no-print-directory build/release/build.ninja
	@ninja -C build/release -j $(JOBS) apps benchmarks
	@bench/run $(ARGS)

bench-cache: bootstrap-build+bench
	@$(MAKE) --no-print-directory build/release/build.ninja
	@ninja -C build/release -j $(JOBS) apps
	@bench/run --only cache --only stampede $(ARGS)

bench-toolkit: bootstrap-build+bench
	@$(MAKE) --no-print-directory build/release/build.ninja
	@ninja -C build/release -j $(JOBS) apps toolkit_bench
	@bench/run --only toolkit $(ARGS)

package: bootstrap-build+package
	@$(MAKE) --no-print-directory build/release/build.ninja
	@ninja -C build/release -j $(JOBS) apps archives
	@cpack --config build/release/CPackConfig.cmake -B build/release

format: bootstrap-check
	@git ls-files -co --exclude-standard '*.cc' '*.h' | xargs -r clang-format-19 -i

clean:
	@rm -rf build
