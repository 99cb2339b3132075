# SPDX-License-Identifier: BSD-2-Clause
#
# The memory manager as a library for other programs, from the same sources as the kernel:
#
#   build/libmeridian-mm.a          a process on Linux: frames and heap over memory that the process sets aside
#   build/libmeridian-mm-x86_64.a   a freestanding x86-64 kernel: all of it, page tables and address spaces, too
#   build/include/meridian/         the headers, as they are installed
#
# What the sources need from outside is include/arch/embed.h: library/ has the inline side and the pieces that
# stand between. Each archive has few members: manager.o, all of the memory manager in one piece, in
# which only the symbols of library/symbols-VARIANT.txt are global, so that no other name can clash with
# a program's; and weak pieces that a program may have better (defaults.o, string.o).

LIBRARY_VARIANTS := hosted x86_64
LIBRARY_FILE_hosted := build/libmeridian-mm.a
LIBRARY_FILE_x86_64 := build/libmeridian-mm-x86_64.a
# The version is the boot protocol's: major and minor of include/boot/handoff.h.
LIBRARY_VERSION := $(shell awk '/define HANDOFF_MAJOR/ { major = $$3 } /define HANDOFF_MINOR/ { print major "." $$3 ".0" }' include/boot/handoff.h)

LIBRARY_PURE := $(wildcard kernel/boot/handoff*.c) $(addprefix kernel/lib/,format.c number.c print.c status.c) \
	kernel/smp/lock.c library/embed.c
# Of kernel/mm, what changes a machine's page tables and spaces; and what writes lines for the monitor.
LIBRARY_MACHINE := $(addprefix kernel/mm/,$(notdir $(wildcard kernel/mm/paging*.c kernel/mm/vm*.c \
	kernel/mm/tlb_*.c kernel/mm/kstack.c kernel/mm/mtrr.c)))
LIBRARY_MONITOR := kernel/mm/memmap_events.c
LIBRARY_MM := $(filter-out $(LIBRARY_MACHINE) $(LIBRARY_MONITOR),$(wildcard kernel/mm/*.c))

LIBRARY_SOURCES_hosted := $(sort $(LIBRARY_MM) $(LIBRARY_PURE) library/hosted/thread.c library/hosted/paging.c)
LIBRARY_SOURCES_x86_64 := $(sort $(LIBRARY_MM) $(LIBRARY_MACHINE) $(LIBRARY_PURE) kernel/smp/call.c \
	kernel/arch/x86_64/mmu.c library/x86_64/machine.c)
LIBRARY_WEAK_hosted := library/hosted/defaults.c
LIBRARY_WEAK_x86_64 := library/x86_64/defaults.c kernel/lib/string.c

LIBRARY_C_COMMON = $(C_COMMON) -O2 -fvisibility=hidden -ffunction-sections -fdata-sections -Iinclude -Ikernel
LIBRARY_CFLAGS_hosted = $(LIBRARY_C_COMMON) -fPIC -ftls-model=initial-exec -D_GNU_SOURCE -Ilibrary/hosted/include
LIBRARY_CFLAGS_x86_64 = $(LIBRARY_C_COMMON) -fpie -ffreestanding -mgeneral-regs-only -mno-red-zone \
	-fcf-protection=none -fno-stack-protector -fno-asynchronous-unwind-tables \
	-Ilibrary/x86_64/include -Ikernel/arch/x86/include -Ikernel/arch/x86_64/include

# $(call library_variant,VARIANT)
define library_variant
LIBRARY_DIR_$(1) := build/obj/library-$(1)
FLAGS_library-$(1) = $$(GCC) $$(LIBRARY_CFLAGS_$(1)) | $$(LIBRARY_SOURCES_$(1)) | $$(LIBRARY_WEAK_$(1))

$$(LIBRARY_DIR_$(1))/%.c.o: %.c build/flags/library-$(1) $$(MAKE_SOURCES) | need-build
	@mkdir -p $$(@D); $$(call say,CC,$$< (library $(1)))
	$$(Q)$$(GCC) $$(LIBRARY_CFLAGS_$(1)) -MMD -MP -c $$< -o $$@

$$(LIBRARY_DIR_$(1))/manager.o: $$(LIBRARY_SOURCES_$(1):%=$$(LIBRARY_DIR_$(1))/%.o) library/symbols-$(1).txt build/flags/library-$(1)
	$$(Q)$$(LD) -r $$(filter %.c.o,$$^) -o $$@.all
	$$(Q)$$(OBJCOPY) --keep-global-symbols=library/symbols-$(1).txt $$@.all $$@

$$(LIBRARY_DIR_$(1))/weak/%.o: $$(LIBRARY_DIR_$(1))/%.c.o
	@mkdir -p $$(@D)
	$$(Q)$$(OBJCOPY) --weaken $$< $$@

$$(LIBRARY_FILE_$(1)): $$(LIBRARY_DIR_$(1))/manager.o $$(LIBRARY_WEAK_$(1):%.c=$$(LIBRARY_DIR_$(1))/weak/%.o)
	@$$(call say,AR,$$@)
	@rm -f $$@
	$$(Q)$$(AR) rcsD $$@ $$^

-include $$(patsubst %,$$(LIBRARY_DIR_$(1))/%.d,$$(LIBRARY_SOURCES_$(1):%.c=%.c) $$(LIBRARY_WEAK_$(1)))
endef
.SECONDARY: $(foreach variant,$(LIBRARY_VARIANTS),$(LIBRARY_WEAK_$(variant):%=build/obj/library-$(variant)/%.o))
$(foreach variant,$(LIBRARY_VARIANTS),$(eval $(call library_variant,$(variant))))

# $(call library_command,FILE): how lint compiles what is of the library, or uses it; nothing for other files.
library_command = $(strip $(foreach variant,$(LIBRARY_VARIANTS),$(if $(filter library/$(variant)/%,$(1)),\
	$(GCC) $(LIBRARY_CFLAGS_$(variant)))) $(if $(filter library/embed.c,$(1)),$(GCC) $(LIBRARY_CFLAGS_hosted)) \
	$(if $(filter examples/% tests/tools/library/%,$(1)),$(GCC) $(C_COMMON) -D_GNU_SOURCE -Ibuild/include -Ibuild/include/meridian/x86_64))

# Headers: those of include/ that a program may use. Where they are installed they stand in a folder of the
# project's name; they name each other by where they lie, so that no other include path is needed.
LIBRARY_HEADERS := $(addprefix boot/,e820.h efi_memory.h handoff.h) arch/embed.h arch/mtrr.h arch/trap.h \
	$(addprefix lib/,print.h status.h types.h) $(addprefix mm/,bump.h frame.h handoff_adopt.h heap.h heap_debug.h \
	kcache.h kstack.h layout.h memmap.h mtrr.h paging.h pmm.h pmm_node.h pt.h region.h tlb.h vm_fault.h vmm.h)
LIBRARY_INCLUDE := build/include/meridian
LIBRARY_STAGED  := $(addprefix $(LIBRARY_INCLUDE)/,$(LIBRARY_HEADERS) x86_64/arch_layout.h)

$(LIBRARY_INCLUDE)/x86_64/arch_layout.h: kernel/arch/x86_64/include/arch_layout.h mk/library.mk
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(LIBRARY_INCLUDE)/%.h: include/%.h mk/library.mk
	@mkdir -p $(@D)
	$(Q)sed 's,^#include "\([a-z]*\)/,#include "../\1/,' $< > $@

LIBRARY_FILES    := $(foreach variant,$(LIBRARY_VARIANTS),$(LIBRARY_FILE_$(variant)))
LIBRARY_PRODUCTS := $(LIBRARY_FILES) $(LIBRARY_STAGED)

# What an installation consists of, relative to DESTDIR and PREFIX: what is copied from build/, the loader for
# kernels that are built on it, docs, and a file for pkg-config for each archive.
PREFIX  := /usr/local
DESTDIR :=
LIBRARY_DOCS  := LICENSE $(wildcard $(addprefix docs/,boot-protocol.md frames.md heap.md library.md porting.md))
INSTALL_ROOT   = $(DESTDIR)$(abspath $(PREFIX))
INSTALL_PLACES = $(patsubst build/%,lib/%,$(LIBRARY_FILES)) $(patsubst build/%,%,$(LIBRARY_STAGED)) \
	lib/meridian/BOOTX64.EFI $(addprefix share/doc/meridian/,$(notdir $(LIBRARY_DOCS))) $(LIBRARY_FILES:build/lib%.a=lib/pkgconfig/%.pc)

PC_ABOUT_meridian-mm         := Memory manager for a process: frames and a heap
PC_CFLAGS_meridian-mm        := -I$${includedir} -pthread
PC_LIBS_meridian-mm          := -L$${libdir} -lmeridian-mm -pthread
PC_ABOUT_meridian-mm-x86_64  := Memory manager for an x86-64 kernel: frames, page tables, address spaces, a heap
PC_CFLAGS_meridian-mm-x86_64 := -I$${includedir} -I$${includedir}/meridian/x86_64 -ffreestanding -fpie \
	-mno-red-zone -mgeneral-regs-only -fcf-protection=none
PC_LIBS_meridian-mm-x86_64   := -L$${libdir} -lmeridian-mm-x86_64
# $(call pkgconfig,NAME): the text of NAME.pc
pkgconfig = 'prefix=$(abspath $(PREFIX))' 'libdir=$${prefix}/lib' 'includedir=$${prefix}/include' \
	'loader=$${libdir}/meridian/BOOTX64.EFI' '' 'Name: $(1)' \
	'Description: $(PC_ABOUT_$(1))' 'Version: $(LIBRARY_VERSION)' 'Cflags: $(PC_CFLAGS_$(1))' 'Libs: $(PC_LIBS_$(1))'

.PHONY: library install uninstall
library: $(LIBRARY_PRODUCTS) ## the memory manager as a library: build/libmeridian-mm*.a, build/include

install: $(LIBRARY_PRODUCTS) build/BOOTX64.EFI ## the loader, the library, its headers, pkg-config files and docs: DESTDIR=... PREFIX=/usr/local
	$(Q)for place in $(INSTALL_PLACES); do mkdir -p "$(INSTALL_ROOT)/$${place%/*}"; done
	$(Q)cp $(LIBRARY_FILES) "$(INSTALL_ROOT)/lib/"
	$(Q)for header in $(LIBRARY_STAGED:build/%=%); do cp build/$$header "$(INSTALL_ROOT)/$$header"; done
	$(Q)cp build/BOOTX64.EFI "$(INSTALL_ROOT)/lib/meridian/"
	$(Q)cp $(LIBRARY_DOCS) "$(INSTALL_ROOT)/share/doc/meridian/"
	$(Q)$(foreach name,$(LIBRARY_FILES:build/lib%.a=%),printf '%s\n' $(call pkgconfig,$(name)) > "$(INSTALL_ROOT)/lib/pkgconfig/$(name).pc" &&) true
	@echo 'installed in $(INSTALL_ROOT)'

uninstall: ## take away what install left, with the same DESTDIR and PREFIX
	$(Q)cd "$(INSTALL_ROOT)" && rm -f $(INSTALL_PLACES)
	$(Q)cd "$(INSTALL_ROOT)" && for folder in $(sort $(dir $(LIBRARY_STAGED:build/%=%))) include/meridian lib/meridian share/doc/meridian; do \
		[ ! -d $$folder ] || rmdir --ignore-fail-on-non-empty $$folder; done
