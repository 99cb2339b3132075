# SPDX-License-Identifier: BSD-2-Clause
#
# bench-heap: kmalloc beside the heaps that Debian has, by turns, in one table.
#
# Ours is compiled as the kernel is (KERNEL_CFLAGS), but for the include path: the processor is a
# thread. The others are the same driver, linked with the library.

BENCH_HEAP      := tests/bench/heap
BENCH_HEAP_DIR  := build/bench/heap
BENCH_HEAP_LIBS := glibc mimalloc jemalloc tcmalloc
BENCH_HEAP_OURS := $(PORTABLE_SMP) $(sort $(wildcard kernel/mm/heap*.c)) kernel/mm/fail_alloc.c kernel/mm/slab.c
BENCH_HEAP_HOST := $(BENCH_HEAP)/machine.c tests/host/host_cpu.c tests/host/host_log.c tests/host/host_panic.c tests/host/host_smp.c \
	kernel/lib/print.c kernel/lib/status.c kernel/lib/json.c kernel/lib/number.c
BENCH_HEAP_HEADERS := $(wildcard include/*/*.h kernel/mm/*.h tests/host/include/*.h $(BENCH_HEAP)/*.h)
BENCH_HEAP_CFLAGS   = $(C_COMMON) -O2 -fno-builtin -D_GNU_SOURCE -pthread -Iinclude -Itests/host/include -Ikernel -I$(BENCH_HEAP)
BENCH_HEAP_PROGRAMS := $(BENCH_HEAP_DIR)/meridian $(BENCH_HEAP_LIBS:%=$(BENCH_HEAP_DIR)/%)

$(BENCH_HEAP_DIR)/meridian: $(BENCH_HEAP)/driver.c $(BENCH_HEAP_OURS) $(BENCH_HEAP_HOST) $(BENCH_HEAP_HEADERS) $(MAKE_SOURCES) | need-build
	@mkdir -p $(@D); $(call say,BENCH,$@)
	$(Q)$(GCC) $(BENCH_KERNEL_CFLAGS) -nostdlib -r $(BENCH_HEAP_OURS) -o $@.kernel.o
	$(Q)$(GCC) $(BENCH_HEAP_CFLAGS) -DBENCH_HEADER='"meridian.h"' $(BENCH_HEAP)/driver.c $(BENCH_HEAP_HOST) $@.kernel.o -o $@

$(BENCH_HEAP_LIBS:%=$(BENCH_HEAP_DIR)/%): $(BENCH_HEAP_DIR)/%: $(BENCH_HEAP)/driver.c $(BENCH_HEAP_HEADERS) $(MAKE_SOURCES) | need-bench-heap
	@mkdir -p $(@D); $(call say,BENCH,$@)
	$(Q)$(GCC) $(BENCH_HEAP_CFLAGS) $< $(if $(filter glibc,$*),,-l$*) -o $@

.PHONY: bench-heap
bench-heap: $(BENCH_HEAP_PROGRAMS) ## kmalloc beside glibc, mimalloc, jemalloc and tcmalloc: medians by turns, and memory
	@$(PYTHON) $(BENCH_HEAP)/compare.py $(ARGS) $(BENCH_HEAP_PROGRAMS)
