# SPDX-License-Identifier: BSD-2-Clause
#
# The hosted build: kernel/mm and kernel/boot as a library of the machine that builds, over the
# fake machine of tests/host. Variants: gcc and clang under the address and
# undefined-behaviour sanitizers for the unit tests, m32 the same in 32 bits, threads under the
# thread sanitizer for tests with several processors, a plain one for programs that people run
# (build/host/), and two for `make mutate`.
#
# Every tests/unit/test_NAME.c is one program, linked with cmocka. One that needs sources beyond
# the library names them in UNIT_EXTRA_NAME.

# What kernel/lib has for a bare machine only; hosted builds have a C library and tests/host.
LIB_BARE       := kernel/lib/string.c kernel/lib/log.c
# Of kernel/dev, what decodes outside input, without the *_machine.c that fetch it.
HOSTED_DEV     := $(filter-out %_machine.c,$(wildcard kernel/dev/acpi*.c kernel/dev/pci*.c))
# Of kernel/smp, what no machine is needed for: locks, and calls between processors.
PORTABLE_SMP   := kernel/smp/lock.c kernel/smp/call.c
HOSTED_LIB     := $(sort $(PORTABLE_SMP) $(wildcard kernel/mm/*.c kernel/boot/*.c kernel/view/*.c tests/host/*.c) $(filter-out $(LIB_BARE),$(wildcard kernel/lib/*.c)) $(HOSTED_DEV))
HOSTED_INCLUDES := -Iinclude -Itests/host/include -Ikernel -Iefi -Iefi/include -I.
HOSTED_CFLAGS    = $(C_COMMON) -O1 -fno-omit-frame-pointer -D_GNU_SOURCE $(HOSTED_INCLUDES)

UNIT_NAMES := $(patsubst tests/unit/test_%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
HOST_NAMES := $(patsubst tools/meridian-%/main.c,%,$(sort $(wildcard tools/meridian-*/main.c)))

# Sources of a test beyond the library, by test.
UNIT_EXTRA_monitor_format := kernel/monitor/usage.c
UNIT_EXTRA_exhaust    := $(addprefix tests/exhaust/,maps.c frames.c areas.c) tests/unit/pmm_machine.c
UNIT_EXTRA_paragraph := kernel/diag/paragraph.c kernel/diag/fault_log.c
UNIT_EXTRA_monitor_keys  := kernel/monitor/keys.c
UNIT_EXTRA_monitor_line  := kernel/monitor/line.c kernel/monitor/history.c
UNIT_EXTRA_monitor_words := kernel/monitor/words.c
$(foreach name,$(filter heap% kcache,$(UNIT_NAMES)),$(eval UNIT_EXTRA_$(name) := tests/unit/heap_machine.c tests/unit/heap_ledger.c))
$(foreach name,$(filter pmm% bump fail_alloc frame view_dashboard,$(UNIT_NAMES)),$(eval UNIT_EXTRA_$(name) := tests/unit/pmm_machine.c))
UNIT_EXTRA_heap_exhaust += tests/exhaust/objects.c
UNIT_EXTRA_pmm_threads := tests/unit/pmm_machine.c tests/unit/pmm_workers.c
$(foreach name,$(filter vmm% vm_check vm_fault% vm_clone% vm_list paging kstack tlb% mtrr,$(UNIT_NAMES)),$(eval UNIT_EXTRA_$(name) := tests/unit/pmm_machine.c tests/unit/vm_machine.c))
UNIT_EXTRA_apic           := kernel/arch/x86/apic.c
UNIT_EXTRA_serial         := kernel/dev/serial.c
UNIT_EXTRA_view_framebuffer := kernel/dev/framebuffer.c kernel/dev/font.c kernel/dev/vga.c $(FONT_SOURCE)
UNIT_EXTRA_view_keyboard  := kernel/dev/keyboard.c
UNIT_EXTRA_user_elf       := kernel/user/program_elf.c
UNIT_EXTRA_stack_trace    := kernel/diag/stack_trace.c kernel/diag/symbols.c kernel/diag/lines.c
EFI_TEXT := efi/refusal.c efi/sha256.c efi/text.c
UNIT_EXTRA_efi_config := efi/config_file.c $(EFI_TEXT)
UNIT_EXTRA_efi_configuration := tests/unit/uefi_machine.c $(EFI_TEXT) $(addprefix efi/,command_line.c config_file.c \
	configuration.c event_log.c files.c machine.c measure.c pages.c policy.c uefi.c)
UNIT_EXTRA_efi_editor := efi/line_editor.c
UNIT_EXTRA_efi_elf    := efi/elf.c efi/elf_relocate.c efi/source.c efi/refusal.c
UNIT_EXTRA_efi_firmware := tests/unit/uefi_machine.c $(EFI_TEXT) $(addprefix efi/,uefi.c pages.c \
	files.c memory_map.c conversion.c address_space.c firmware_tables.c)
UNIT_EXTRA_efi_graphics := tests/unit/uefi_machine.c efi/graphics.c efi/uefi.c $(EFI_TEXT)
UNIT_EXTRA_efi_handoff := efi/handoff.c efi/conversion.c efi/firmware_tables.c efi/address_space.c efi/refusal.c
UNIT_EXTRA_efi_space  := efi/address_space.c efi/refusal.c
UNIT_EXTRA_efi_event_log := efi/event_log.c
UNIT_EXTRA_efi_measure := efi/measure.c efi/event_log.c efi/uefi.c $(EFI_TEXT)
UNIT_EXTRA_efi_policy := efi/policy.c efi/pin.c efi/config_file.c $(EFI_TEXT)
UNIT_EXTRA_efi_report := efi/report.c
UNIT_EXTRA_efi_sha256 := efi/sha256.c
UNIT_EXTRA_efi_tables := efi/firmware_tables.c
UNIT_EXTRA_efi_text   := efi/text.c efi/command_line.c
UNIT_EXTRA_efi_unpack := efi/unpack.c efi/refusal.c

# What speaks to the firmware needs its headers, calling convention and 16-bit characters.
UEFI_HOSTED := -fshort-wchar -DGNU_EFI_USE_MS_ABI -isystem /usr/include/efi -isystem /usr/include/efi/x86_64
is_uefi      = $(filter efi/% tests/unit/test_efi_% tests/unit/uefi_%,$(1))
hosted_flags = $(HOSTED_CFLAGS) $(if $(is_uefi),$(UEFI_HOSTED))

SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=all
CC_gcc     := $(GCC)
CC_clang   := $(CLANG)
CC_m32     := $(GCC) -m32 -Itests/host/include -Ikernel/arch/i386/include
CC_threads := $(GCC)
CC_plain   := $(GCC)
CC_mutant  := $(GCC)
CC_lines   := $(GCC)
# Order and places of locks are checked wherever tests run (lib/lock.h).
LOCK_CHECKS := -DCONFIG_LOCK_CHECKS=1
VARIANT_gcc   := $(SANITIZERS) $(LOCK_CHECKS)
VARIANT_clang := $(SANITIZERS) $(LOCK_CHECKS)
# Sources are asked for narrowing as they are built for the i386 kernel; tests count in 64 bits.
VARIANT_m32   := $(SANITIZERS) $(LOCK_CHECKS) -Wno-conversion -Wno-type-limits
VARIANT_threads := -fsanitize=thread $(LOCK_CHECKS)
VARIANT_plain := -O2
# For tools/mutate.py: what compiles to the same code is no mutant, so nothing in an object may depend on its line.
VARIANT_mutant := -O1 -g0 $(LOCK_CHECKS)
VARIANT_lines := --coverage -O0 $(LOCK_CHECKS)
VARIANTS := gcc clang m32 threads plain mutant lines
# What a variant needs from tools/setup.sh.
need_of = $(or $(filter build,$(1:plain=build)),$(filter unit-32,$(1:m32=unit-32)),unit)
# cmocka by its full name: for 32 bits, distributions have the library and not what -lcmocka wants.
cmocka_of = $(if $(filter m32,$(1)),$(shell $(GCC) -m32 -print-file-name=libcmocka.so.0),-lcmocka)

# Tests whose processors are threads; they run under the thread sanitizer besides.
THREAD_NAMES := call heap_threads lock pmm_threads vmm_threads

# How a test is linked besides.
UNIT_LINK_vmm_threads := -Wl,--wrap=frame_put

# What 32 bits cannot be asked: what speaks to the firmware and 128-bit arithmetic; tests whose machine
# is larger than a program of 32 bits; tests whose address space is that of x86-64.
M32_NOT_WIDE   := efi_% wide
M32_NOT_LARGE  := bump fail_alloc frame pmm pmm_check pmm_defects pmm_figures pmm_free pmm_holes pmm_model pmm_node pmm_numa pmm_request pmm_site pmm_threads pmm_zero view_dashboard
M32_NOT_LAYOUT := kstack mtrr paging tlb tlb_switch vm_cache vm_check vm_clone vm_fault vm_list vmm vmm_threads
M32_NAMES := $(filter-out $(M32_NOT_WIDE) $(M32_NOT_LARGE) $(M32_NOT_LAYOUT),$(UNIT_NAMES))

FLAGS_hosted-lib = $(HOSTED_LIB)

# $(call hosted_variant,VARIANT): objects, the library and its dependencies, in one folder each.
define hosted_variant
FLAGS_hosted-$(1) = $$(CC_$(1)) $$(HOSTED_CFLAGS) $$(VARIANT_$(1)) | $$(UEFI_HOSTED)

build/hosted/$(1)/%.c.o: %.c build/flags/hosted-$(1) $$(MAKE_SOURCES) | need-$(call need_of,$(1))
	@mkdir -p $$(@D); $$(call say,CC,$$< ($(1)))
	$$(Q)$$(CC_$(1)) $$(call hosted_flags,$$<) $$(VARIANT_$(1)) -MMD -MP -c $$< -o $$@

build/hosted/$(1)/libmm.a: $$(HOSTED_LIB:%=build/hosted/$(1)/%.o) build/flags/hosted-lib
	@mkdir -p $$(@D); rm -f $$@
	$$(Q)$$(AR) rcsD $$@ $$(filter %.o,$$^)
endef

# $(call unit_program,VARIANT,NAME)
define unit_program
build/unit/$(1)/$(2): build/hosted/$(1)/tests/unit/test_$(2).c.o $$(UNIT_EXTRA_$(2):%=build/hosted/$(1)/%.o) build/hosted/$(1)/libmm.a
	@mkdir -p $$(@D); $$(call say,LINK,$$@)
	$$(Q)$$(CC_$(1)) $$(VARIANT_$(1)) $$^ -o $$@ $$(UNIT_LINK_$(2)) $$(call cmocka_of,$(1))
endef

# $(call host_program,NAME)
define host_program
build/host/meridian-$(1): $$(patsubst %,build/hosted/plain/%.o,$$(sort $$(wildcard tools/meridian-$(1)/*.c))) build/hosted/plain/libmm.a
	@mkdir -p $$(@D); $$(call say,LINK,$$@)
	$$(Q)$$(GCC) $$^ -o $$@
endef

$(foreach variant,$(VARIANTS),$(eval $(call hosted_variant,$(variant))))
$(foreach variant,gcc clang mutant lines,$(foreach name,$(UNIT_NAMES),$(eval $(call unit_program,$(variant),$(name)))))
$(foreach name,$(M32_NAMES),$(eval $(call unit_program,m32,$(name))))
$(foreach name,$(THREAD_NAMES),$(eval $(call unit_program,threads,$(name))))
$(foreach name,$(HOST_NAMES),$(eval $(call host_program,$(name))))

# Long campaigns: the loads of unit tests, without sanitizers, for as many operations as wanted.
build/soak/frames: $(patsubst %,build/hosted/plain/%.o,tests/soak/frames.c tests/unit/pmm_workers.c tests/unit/pmm_machine.c) build/hosted/plain/libmm.a | need-unit
	@mkdir -p $(@D); $(call say,LINK,$@)
	$(Q)$(GCC) $^ -o $@ -lcmocka

.PHONY: soak-frames
soak-frames: build/soak/frames ## 10^9 operations of the frame allocator against a model; ARGS="OPERATIONS [PROCESSORS [SEED]]"
	@build/soak/frames $(ARGS)

build/soak/heap: $(patsubst %,build/hosted/plain/%.o,tests/unit/test_heap_model.c $(UNIT_EXTRA_heap_model)) build/hosted/plain/libmm.a | need-unit
	@mkdir -p $(@D); $(call say,LINK,$@)
	$(Q)$(GCC) $^ -o $@ -lcmocka

.PHONY: soak-heap
soak-heap: build/soak/heap ## 10^8 operations of the heap against a model, pages failing; ARGS="OPERATIONS [SEED]"
	@MERIDIAN_HEAP_OPERATIONS=$(or $(firstword $(ARGS)),100000000) MERIDIAN_HEAP_SEED=$(or $(word 2,$(ARGS)),0) build/soak/heap

.PHONY: mutate
mutate: | need-unit ## plant single mistakes in kernel/mm, count which the unit tests find; ARGS="--sample N --seed S --files PATTERN"
	@$(PYTHON) tools/mutate.py $(ARGS) $(UNIT_NAMES)

UNIT_PROGRAMS := $(foreach variant,gcc clang,$(UNIT_NAMES:%=build/unit/$(variant)/%)) $(THREAD_NAMES:%=build/unit/threads/%)
M32_PROGRAMS  := $(M32_NAMES:%=build/unit/m32/%)
HOST_PROGRAMS := $(HOST_NAMES:%=build/host/meridian-%)

.PHONY: unit unit-32 unit-programs
unit-programs: $(UNIT_PROGRAMS)

unit: $(UNIT_PROGRAMS) ## unit tests of every module, with gcc and clang, under ASan and UBSan, threads under TSan
	@$(PYTHON) tools/run_unit.py $^

unit-32: $(M32_PROGRAMS) ## the unit tests that a 32-bit program can run, as such
	@$(PYTHON) tools/run_unit.py $^

unit-%: build/unit/gcc/% build/unit/clang/% ## the unit tests of one module: make unit-memmap
	@$(PYTHON) tools/run_unit.py --verbose $^

-include $(shell find build/hosted -name '*.d' 2>/dev/null)
