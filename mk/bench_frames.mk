# SPDX-License-Identifier: BSD-2-Clause
#
# bench, bench-frames: the frame allocator beside simpler ones, on a simulated machine of 8 GiB.
#
# Ours is compiled as the kernel is (KERNEL_CFLAGS), but for the include path: the processor is a
# thread, physical memory the driver's. Each allocator is one program with the driver.

BENCH_FRAMES      := tests/bench/frames
BENCH_FRAMES_DIR  := build/bench/frames
BENCH_FRAMES_BASE := stack bitmap buddy
BENCH_FRAMES_OURS := $(PORTABLE_SMP) $(sort $(wildcard kernel/mm/pmm*.c)) kernel/mm/bump.c kernel/mm/fail_alloc.c kernel/mm/frame.c \
	$(sort $(wildcard kernel/mm/memmap*.c)) kernel/lib/print.c kernel/lib/status.c kernel/lib/json.c
BENCH_FRAMES_HOST := tests/host/host_cpu.c tests/host/host_log.c tests/host/host_panic.c tests/host/host_smp.c

BENCH_FRAMES_CFLAGS = $(C_COMMON) -O2 -D_GNU_SOURCE -pthread -Iinclude -Itests/host/include -I$(BENCH_FRAMES)
BENCH_KERNEL_CFLAGS = $(subst $(KERNEL_INCLUDES),-Iinclude -Itests/host/include,$(KERNEL_CFLAGS)) -D_GNU_SOURCE
FLAGS_bench-frames  = $(GCC) $(BENCH_FRAMES_CFLAGS) | $(BENCH_KERNEL_CFLAGS) | $(BENCH_FRAMES_OURS)

BENCH_FRAMES_PROGRAMS := $(BENCH_FRAMES_DIR)/meridian $(BENCH_FRAMES_BASE:%=$(BENCH_FRAMES_DIR)/%)

$(BENCH_FRAMES_DIR)/kernel/%.o: kernel/% build/flags/bench-frames $(MAKE_SOURCES) | need-build
	@mkdir -p $(@D); $(call say,CC,$< (bench))
	$(Q)$(GCC) $(BENCH_KERNEL_CFLAGS) -MMD -MP -c $< -o $@

$(BENCH_FRAMES_DIR)/tests/%.o: tests/% build/flags/bench-frames $(MAKE_SOURCES) | need-build
	@mkdir -p $(@D); $(call say,CC,$< (bench))
	$(Q)$(GCC) $(BENCH_FRAMES_CFLAGS) -MMD -MP -c $< -o $@

$(BENCH_FRAMES_DIR)/driver-meridian.o: $(BENCH_FRAMES)/driver.c build/flags/bench-frames $(MAKE_SOURCES) | need-build
	@mkdir -p $(@D); $(call say,CC,$< (meridian))
	$(Q)$(GCC) $(BENCH_FRAMES_CFLAGS) -DBENCH_HEADER='"meridian.h"' -MMD -MP -c $< -o $@

$(BENCH_FRAMES_DIR)/meridian: $(BENCH_FRAMES_DIR)/driver-meridian.o $(BENCH_FRAMES_DIR)/$(BENCH_FRAMES)/meridian.c.o \
		$(BENCH_FRAMES_OURS:%=$(BENCH_FRAMES_DIR)/%.o) $(BENCH_FRAMES_HOST:%=$(BENCH_FRAMES_DIR)/%.o)
	@$(call say,LINK,$@)
	$(Q)$(GCC) -pthread $^ -o $@

$(BENCH_FRAMES_BASE:%=$(BENCH_FRAMES_DIR)/%): $(BENCH_FRAMES_DIR)/%: \
		$(BENCH_FRAMES_DIR)/$(BENCH_FRAMES)/driver.c.o $(BENCH_FRAMES_DIR)/$(BENCH_FRAMES)/%.c.o
	@$(call say,LINK,$@)
	$(Q)$(GCC) -pthread $^ -o $@

$(BENCH_FRAMES_DIR)/limits: $(BENCH_FRAMES_DIR)/$(BENCH_FRAMES)/limits.c.o
	@$(call say,LINK,$@)
	$(Q)$(GCC) -pthread $^ -o $@

.PHONY: bench bench-frames
bench: bench-frames bench-vm ## the engines' speed: frames beside simpler allocators, then page tables, areas and faults

bench-frames: $(BENCH_FRAMES_PROGRAMS) $(BENCH_FRAMES_DIR)/limits ## the frame allocator beside a stack, a bitmap and a buddy system: medians, interleaved
	@$(PYTHON) $(BENCH_FRAMES)/compare.py $(ARGS) --limits $(BENCH_FRAMES_DIR)/limits $(BENCH_FRAMES_PROGRAMS)

-include $(shell find $(BENCH_FRAMES_DIR) -name '*.d' 2>/dev/null)
