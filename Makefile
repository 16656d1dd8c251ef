# Two commands do it all on a fresh machine: `make run` and `make test`. The rest is for developers.
.PHONY: help run build setup test test-full fmt lint tidy clean

help:
	@echo 'make run        install what is missing, build, start a local mesh, prove it, stay up'
	@echo 'make test       everything that must pass before a commit (up to an hour on 2 cores)'
	@echo 'make test-full  the same at full size, with a report under docs/reports (hours)'
	@echo 'make build      the program alone: build/release/bin/stratos'
	@echo 'make lint       rules that compilers do not check (seconds)'
	@echo 'make tidy       clang-tidy over all sources (slow; needs make build first)'
	@echo 'make fmt        format the C++ files'
	@echo 'make clean      remove build/'

run: setup build
	build/release/bin/stratos dev --prove

build:
	cmake --preset release
	cmake --build --preset release --target stratos

setup:
	tools/setup

test:
	tools/setup --e2e
	tools/check

test-full:
	tools/setup --e2e
	tools/check --full --report docs/reports

lint:
	tools/lint

tidy:
	git ls-files -z 'src/*.cpp' | xargs -0 -r -n 4 -P 2 clang-tidy-19 -p build/release --quiet

fmt:
	git ls-files -z --cached --others --exclude-standard '*.cpp' '*.hpp' | \
	  xargs -0 -r -n 16 -P 2 clang-format-19 -i

clean:
	rm -rf build
