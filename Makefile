# The commands. The build itself is in CMakeLists.txt.
#   make          the program at build/blok and the libraries
#   make demo     installs what is missing, builds, shows what Blok does
#   make test     builds everything, runs every test
#   make asan     the tests under the address and undefined-behaviour sanitizers
#   make tsan     the tests of what runs on several threads, under the thread sanitizer
#   make fuzz     a minute of each fuzz target (clang)
#   make matrix   the guide's modules in every form that PyTorch exports; goes on where it was
#   make bench    Blok beside other runtimes; BENCH="resnet18 --threads 2" chooses (docs/bench.md)
#   make install  PREFIX=/usr/local DESTDIR=
#   make clean    removes build/
BUILD := build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2> /dev/null || echo 2)
FUZZ_SECONDS ?= 60
THREADED := base runtime kernels public

CMAKE_BUILD := env -u MAKEFLAGS -u MAKELEVEL cmake --build
QUIETLY = > $(BUILD)/configure.log 2>&1 || { cat $(BUILD)/configure.log; exit 1; }

.PHONY: all configure deps demo test asan tsan fuzz matrix bench install clean

all: configure
	@$(CMAKE_BUILD) $(BUILD) --parallel $(JOBS) --target blok blok_static blok_shared

configure:
	@mkdir -p $(BUILD)
	@cmake -S . -B $(BUILD) -DCMAKE_BUILD_TYPE=Release $(QUIETLY)

deps:
	@sh cmake/deps.sh build test

demo:
	@sh cmake/deps.sh build
	@$(MAKE) --no-print-directory all
	@sh examples/digits/demo.sh $(BUILD)/blok

test:
	@sh cmake/deps.sh build test
	@$(MAKE) --no-print-directory configure
	@$(CMAKE_BUILD) $(BUILD) --parallel $(JOBS)
	@python3 tests/run.py $(BUILD)

asan:
	@sh cmake/deps.sh build test
	@cmake --preset asan > /dev/null
	@$(CMAKE_BUILD) $(BUILD)/asan --parallel $(JOBS)
	@python3 tests/run.py $(BUILD)/asan

tsan:
	@sh cmake/deps.sh build test
	@cmake --preset tsan > /dev/null
	@$(CMAKE_BUILD) $(BUILD)/tsan --parallel $(JOBS) --target $(THREADED:%=test_%)
	@CK_EXCLUDE_TAGS=one_thread python3 tests/run.py $(BUILD)/tsan -R "^test_($$(echo $(THREADED) | tr ' ' '|'))$$"

fuzz:
	@sh cmake/deps.sh build clang-14 libclang-rt-14-dev
	@sh tests/fuzz.sh $(BUILD)/fuzz -max_total_time=$(FUZZ_SECONDS)

matrix: all
	@[ -x $(BUILD)/venv/bin/python ] || sh cmake/deps.sh python3-venv
	@sh tests/pytorch/venv.sh $(BUILD)/venv
	@$(BUILD)/venv/bin/python tests/pytorch/matrix.py --blok $(BUILD)/blok --work $(BUILD)/matrix

bench: all
	@[ -d $(BUILD)/bench/venv-peers ] || sh cmake/deps.sh python3-venv
	@python3 bench/bench.py --library $(BUILD)/libblok.so --work $(BUILD)/bench $(BENCH)

install: all
	@cmake --install $(BUILD) --prefix $(PREFIX)

clean:
	@rm -rf $(BUILD)
