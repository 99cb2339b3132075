# SPDX-License-Identifier: BSD-2-Clause
#
# Benchmarks. bench-boot: what the loader costs, with the kernel that ships and with one that
# carries 64 MiB of data: the same objects and a large object more.

LARGE_KERNEL := build/bench/kernel-64m.elf
LARGE_BYTES  := 67108864

build/bench/payload.s: $(MAKE_SOURCES)
	@mkdir -p $(@D)
	$(Q)printf '.section .rodata.payload, "a"\n.fill %d, 8, 0x4d4552494449414e\n.section .note.GNU-stack\n' \
		$$(($(LARGE_BYTES) / 8)) > $@

build/bench/payload.o: build/bench/payload.s | need-build
	$(Q)$(GCC) -c $< -o $@

$(LARGE_KERNEL): $(KERNEL_OBJECTS) $(KERNEL_DIR)/ksyms-full.o build/bench/payload.o $(KERNEL_LD)
	@$(call say,LD,$@)
	$(Q)$(LD) $(KERNEL_LDFLAGS) $(filter %.o,$^) -o $@.debug
	$(Q)$(OBJCOPY) --strip-all $@.debug $@ && rm $@.debug

.PHONY: bench-boot
bench-boot: $(LOADER_PRODUCTS) $(FIRMWARE_PROGRAMS) $(LARGE_KERNEL) | need-run ## instructions from the start of the loader to the kernel, beside the floor
	@$(PYTHON) tests/bench/boot/measure.py

# bench-vm: page tables, areas and faults, compiled as the kernel compiles them.
BENCH_VM_KERNEL := $(sort $(wildcard kernel/mm/*.c))
BENCH_VM_HOST   := tests/bench/vm/bench_vm.c tests/host/fake_memory.c tests/host/host_cpu.c \
	tests/host/host_log.c tests/host/host_panic.c tests/host/host_smp.c $(PORTABLE_SMP) kernel/lib/print.c kernel/lib/status.c kernel/lib/json.c kernel/lib/number.c
BENCH_VM_CFLAGS  = $(C_COMMON) -D_GNU_SOURCE -O2 -fno-omit-frame-pointer -Itests/bench/vm/include $(HOSTED_INCLUDES)

build/bench/vm: $(BENCH_VM_KERNEL) $(BENCH_VM_HOST) $(wildcard include/*/*.h kernel/mm/*.h tests/host/include/*.h \
		tests/bench/vm/include/*.h) $(MAKE_SOURCES) | need-build
	@mkdir -p $(@D); $(call say,BENCH,$@)
	$(Q)$(GCC) $(BENCH_VM_CFLAGS) -mgeneral-regs-only -nostdlib -r $(BENCH_VM_KERNEL) -o $@.kernel.o
	$(Q)$(GCC) $(BENCH_VM_CFLAGS) $(BENCH_VM_HOST) $@.kernel.o -o $@

.PHONY: bench-vm
bench-vm: build/bench/vm ## page tables, areas and faults: nanoseconds each on this machine
	$(Q)build/bench/vm
