# The front door for those who work on alert. Users need only `pip install .`.
# With a virtual environment in .venv (python3 install.py dev) its tools are used.

SHELL := /bin/bash
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONPATH := $(CURDIR)
BUILD := build
CFLAGS ?= -O3 -g
FLAGS := -std=c11 -D_GNU_SOURCE -Icsrc $(CFLAGS)
FLAGS += -Wall -Wextra -Wshadow -Wconversion -Wdouble-promotion

.PHONY: help ext test check fmt docs notebooks lib example clean

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

ext: ## build the extension in this folder: only what depends on what was edited
	@python3 setup.py -q build_ext --inplace

test: ext ## test the core and the binding; wants neither torch nor root
	python3 -m pytest -q tests/core tests/binding $(ARGS)

check: ## all that continuous integration checks
	.ci/run

fmt: ## format Python and C
	ruff check -q --fix . && ruff format -q .
	git ls-files '*.c' '*.h' | xargs clang-format -i

docs: ext ## build the documentation into build/docs; warnings are errors
	python3 -m sphinx -q -W --keep-going docs $(BUILD)/docs

notebooks: ext ## run the notebooks of examples/, and keep their outputs
	python3 .ci/notebooks

lib: $(BUILD)/libalert.a ## core, power and weights as a static library: csrc/alert*.h

example: $(BUILD)/loop ## build and run examples/loop.c
	$<

clean: ## remove what was built
	rm -rf $(BUILD) alert/_core*.so alert/_watchdog

# ------------------------------------------------------------------------------------------ library

SOURCES := $(shell find csrc/core csrc/power csrc/weights -name '*.c')
OBJECTS := $(SOURCES:%.c=$(BUILD)/lib/%.o)

$(BUILD)/libalert.a: $(OBJECTS)
	@rm -f $@
	@$(AR) rcs $@ $^

$(BUILD)/lib/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -fPIC -ffp-contract=off -fno-math-errno -fno-trapping-math -MMD -c -o $@ $<

$(BUILD)/%: examples/%.c $(BUILD)/libalert.a
	$(CC) $(FLAGS) -o $@ $^ -lm -ldl

-include $(OBJECTS:.o=.d)
