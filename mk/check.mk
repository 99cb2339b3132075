# SPDX-License-Identifier: BSD-2-Clause
#
# Checks: style and layering (lint), everything (test), what an editor wants to know.

# Every C file of the tree, and how it is compiled: $(call command_of,FILE).
C_SOURCES := $(sort $(wildcard $(foreach depth,* */* */*/* */*/*/*,$(foreach room,efi examples kernel library tests tools user,$(room)/$(depth).c))))
command_of = $(strip $(if $(filter kernel/arch/i386/% $(KERNEL_MULTIBOOT),$(1)),$(GCC) $(KERNEL_CFLAGS_i386),\
	$(if $(filter kernel/%,$(1)),$(GCC) $(KERNEL_CFLAGS),$(if $(filter user/%,$(1)),$(GCC) $(USER_CFLAGS_x86_64),\
	$(if $(filter $(RETURNING_SOURCE),$(1)),$(GCC) $(RETURNING_CFLAGS),$(if $(filter efi/% $(FIRMWARE_SOURCES),$(1)),$(GCC) $(LOADER_CFLAGS),\
	$(or $(call library_command,$(1)),$(GCC) $(hosted_flags))))))))

# The table of sources and flags that lint and editors read: FILE, tab, command.
build/commands.tsv: FORCE
	$(shell mkdir -p $(@D))$(file >$@.new)$(foreach source,$(C_SOURCES),$(file >>$@.new,$(source)	$(call command_of,$(source))))
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

.PHONY: compile_commands.json lint test picture
compile_commands.json: build/commands.tsv ## what editors (clangd) read to know the flags of each file
	@awk -F '\t' -v folder='$(CURDIR)' 'BEGIN { printf "[" } \
		{ gsub(/["\\]/, "\\\\&"); \
		  printf "%s\n  {\"directory\": \"%s\", \"file\": \"%s\", \"command\": \"%s -c %s\"}", \
		         (NR > 1 ? "," : ""), folder, $$1, $$2, $$1 } \
		END { print "\n]" }' $< > $@
	@echo "wrote $@: $$(wc -l < $<) files"

lint: build/commands.tsv $(LIBRARY_STAGED) | need-lint ## style, warnings of both compilers, layering, lengths: what a machine can check
	@$(PYTHON) tools/lint.py --commands $<

# Everything that is tested is built first, in parallel; then the suites run one after the other.
OUR_BENCHES := $(BENCH_FRAMES_DIR)/meridian $(BENCH_HEAP_DIR)/meridian build/bench/vm # that they can be built is part of it
.PHONY: test-products
test-products: all library $(FIRMWARE_PROGRAMS) $(MULTIBOOT_SHIM) $(LARGE_KERNEL) $(SANITIZED_TESTED) $(OUR_BENCHES) ## what tests of the tools and of machines need, to run one of them alone

test: build/commands.tsv test-products $(UNIT_PROGRAMS) $(M32_PROGRAMS) | need-test ## lint, unit tests, tests of the tools, tests in QEMU; ends with N passed, N failed
	@$(PYTHON) tools/run_tests.py --commands $< --unit "$(UNIT_PROGRAMS) $(M32_PROGRAMS)" $(SUITES)

.PHONY: stress-frames
stress-frames: $(ESP_PRODUCTS) build/kernel-i386.elf | need-run ## 10^7 operations of the frame allocator in the kernel, both widths; ARGS=OPERATIONS
	@$(PYTHON) tools/meridian_qemu.py run --esp build/esp --cmdline 'run="stress frames $(or $(ARGS),10000000); exit"' < /dev/null
	@$(PYTHON) tools/meridian_qemu.py run --kernel build/kernel-i386.elf --cmdline 'run="stress frames $(or $(ARGS),10000000); exit"' < /dev/null

.PHONY: soak
soak: build/soak/frames build/soak/heap $(DISK_PRODUCTS) build/kernel-i386.elf | need-run ## frames, heap and both kernels under load in turn; TIME=SECONDS (600), SEED=N, ONLY=frames|heap|x86_64|i386
	@$(PYTHON) tools/soak.py --time $(or $(TIME),600) $(SEED:%=--seed %) $(ONLY:%=--only %)

.PHONY: stress-smp
stress-smp: $(ESP_PRODUCTS) build/kernel-i386.elf | need-run ## all processors at once for a minute, 4 of them, both widths; ARGS="SECONDS [SEED]"
	@$(PYTHON) tools/meridian_qemu.py --esp build/esp --cmdline 'run="stress $(or $(ARGS),60); exit"' run -- -smp 4 < /dev/null
	@$(PYTHON) tools/meridian_qemu.py --kernel build/kernel-i386.elf --cmdline 'run="stress $(or $(ARGS),60); exit"' run -- -smp 4 < /dev/null

.PHONY: fail-alloc
fail-alloc: $(DISK_PRODUCTS) build/kernel-i386.elf | need-test ## each allocation of the kernel's start fails in turn, both widths: a line for each that ends it
	@$(PYTHON) tests/qemu/failures.py $(ARGS)

.PHONY: stress-heap
stress-heap: $(ESP_PRODUCTS) build/kernel-i386.elf | need-run ## 10^6 operations of the heap in the kernel, both widths; ARGS=OPERATIONS
	@$(PYTHON) tools/meridian_qemu.py run --esp build/esp --cmdline 'run="stress heap $(or $(ARGS),1000000); exit"' < /dev/null
	@$(PYTHON) tools/meridian_qemu.py run --kernel build/kernel-i386.elf --cmdline 'run="stress heap $(or $(ARGS),1000000); exit"' < /dev/null

.PHONY: hostile
hostile: $(DISK_PRODUCTS) $(FIRMWARE_PROGRAMS) | need-test ## every quirk of firmware alone, every call of a start failing: a line each; ARGS=NAMES
	@$(PYTHON) tests/qemu/hostile_all.py $(ARGS)

.PHONY: matrix matrix-i386
matrix: $(DISK_PRODUCTS) build/kernel-i386.elf | need-test ## the 100 machines of tests/qemu/matrix.table, a line each; ARGS="WORD..." chooses those with all of the words
	@$(PYTHON) tests/qemu/matrix.py $(ARGS)

matrix-i386: build/kernel-i386.elf | need-test ## of the matrix, the 60 machines of the 32-bit kernel
	@$(PYTHON) tests/qemu/matrix.py i386

picture: $(ESP_PRODUCTS) | need-test ## record a session and draw docs/first-light.svg, the picture of README.md
	@$(PYTHON) tools/picture.py
