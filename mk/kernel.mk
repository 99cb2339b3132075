# SPDX-License-Identifier: BSD-2-Clause
#
# The kernels, one rule for both widths:
#
#   x86_64   linked at KERNEL_BASE as a position-independent executable whose only relocations are
#            R_X86_64_RELATIVE, so that the loader can slide it
#   i386     linked at 3 GiB + 1 MiB and loaded at 1 MiB by a Multiboot loader
#
# Stack traces name functions and lines: an image carries tables of its own symbols and line numbers. It is
# linked twice. The first link has empty tables; the second has the tables made from the first, at the end of
# the read-only data, where they move no code. tools/check_kernel.py proves that the table is true
# of the final image, along with everything the loader will ask of it.

KERNEL_BASE_x86_64 := 0xFFFFFFFF80000000
KERNEL_BASE_i386   := 0xC0100000

# The font of the screen: Spleen, as distributions install it.
FONT_SOURCE := build/font/font.c
$(FONT_SOURCE): tools/font.py mk/kernel.mk | need-build
	@mkdir -p $(@D); $(call say,FONT,$@)
	$(Q)$(PYTHON) tools/font.py --output $@

# What only a Multiboot loader starts.
KERNEL_MULTIBOOT := $(wildcard kernel/boot/multiboot*.c)
# What only sanitised kernels have: mk/sanitize.mk.
KERNEL_SANITIZERS := kernel/diag/ubsan.c $(wildcard kernel/diag/kasan*.c)
# $(call kernel_sources,WIDTH)
kernel_sources = $(filter-out $(KERNEL_SANITIZERS),$(sort $(FONT_SOURCE) $(wildcard kernel/*.c \
	$(foreach room,boot mm diag dev monitor lib smp user view,kernel/$(room)/*.c) \
	kernel/user/*.asm $(foreach room,x86 $(1),kernel/arch/$(room)/*.c kernel/arch/$(room)/*.asm))))
KERNEL_SOURCES_x86_64 := $(filter-out $(KERNEL_MULTIBOOT),$(call kernel_sources,x86_64))
KERNEL_SOURCES_i386   := $(call kernel_sources,i386)

kernel_includes = -Iinclude -Ikernel -Ikernel/arch/x86/include -Ikernel/arch/$(1)/include
KERNEL_C_COMMON  = $(C_COMMON) -O2 -ffreestanding -mgeneral-regs-only -fcf-protection=none \
	-fno-omit-frame-pointer -fstack-protector-strong -mstack-protector-guard=global \
	-fno-asynchronous-unwind-tables -fno-common
# What people and boots wait for once is made small, what runs all the time fast: the loader, which has the
# kernel inside, is to stay under 512 KiB, and unpacks every byte of it at each start.
KERNEL_SMALL := $(foreach room,boot dev diag monitor user view,kernel/$(room)/%) \
	$(foreach part,memmap% fail_alloc% %_check %_stats heap_debug heap_leaks heap_explain heap_events heap_options \
	heap_report heap_walk pmm_node mtrr,kernel/mm/$(part).c)
# A full redraw is a million pixels; sanitizers are called all the time.
KERNEL_PAINT := kernel/dev/framebuffer.c kernel/dev/font.c
kernel_small = $(if $(filter-out $(KERNEL_PAINT) $(KERNEL_SANITIZERS),$(filter $(KERNEL_SMALL),$(1))),-Os)
# The i386 kernel runs on a plain 486; structures of one word are returned in registers.
KERNEL_CFLAGS_x86_64  = $(KERNEL_C_COMMON) -fpie -fvisibility=hidden -mno-red-zone $(call kernel_includes,x86_64)
KERNEL_CFLAGS_i386    = $(KERNEL_C_COMMON) -m32 -march=i486 -mtune=generic -fno-pie -freg-struct-return \
	$(call kernel_includes,i386)
KERNEL_ASFLAGS_x86_64 := -f elf64 -Wall -Werror -Iinclude/ -Ikernel/ -Ibuild/user/x86_64/
KERNEL_ASFLAGS_i386   := -f elf32 -Wall -Werror -Iinclude/ -Ikernel/ -Ibuild/user/i386/
KERNEL_LDFLAGS_x86_64 := -shared -Bsymbolic --no-undefined -nostdlib -z text -z noexecstack -z norelro \
	-z max-page-size=0x1000 --build-id=none -T kernel/arch/x86_64/kernel.ld
KERNEL_LDFLAGS_i386   := -m elf_i386 -static --no-undefined -nostdlib -z noexecstack -z norelro \
	-z max-page-size=0x1000 --build-id=none -T kernel/arch/i386/kernel.ld
KERNEL_KSYMS_x86_64 := -m64
KERNEL_KSYMS_i386   := -m32

# $(call kernel_image,WIDTH): objects, the two links, the stripped image. An image that is built in another
# way has the width's name and one of its own (mk/sanitize.mk): x86_64-ubsan.
width_of = $(firstword $(subst -, ,$(1)))
define kernel_image
KERNEL_LD_$(1)      := kernel/arch/$(call width_of,$(1))/kernel.ld
KERNEL_DIR_$(1)     := build/obj/kernel-$(1)
KERNEL_OBJECTS_$(1) := $$(KERNEL_SOURCES_$(1):%=build/obj/kernel-$(1)/%.o)
FLAGS_kernel-$(1) = $$(GCC) $$(KERNEL_CFLAGS_$(1)) | $$(NASM) $$(KERNEL_ASFLAGS_$(1))
FLAGS_kernel-link-$(1) = $$(LD) $$(KERNEL_LDFLAGS_$(1)) | $$(KERNEL_SOURCES_$(1))

build/obj/kernel-$(1)/%.c.o: %.c build/flags/kernel-$(1) $$(MAKE_SOURCES) | need-build
	@mkdir -p $$(@D); $$(call say,CC,$$< ($(1)))
	$$(Q)$$(GCC) $$(KERNEL_CFLAGS_$(1)) $$(call kernel_small,$$<) -MMD -MP -c $$< -o $$@

build/obj/kernel-$(1)/%.asm.o: %.asm build/flags/kernel-$(1) $$(MAKE_SOURCES) | need-build
	@mkdir -p $$(@D); $$(call say,ASM,$$<)
	$$(Q)$$(NASM) $$(KERNEL_ASFLAGS_$(1)) -MD $$(@:.o=.d) -MP -MT $$@ $$< -o $$@

# The empty table of the first link, then the true one.
build/obj/kernel-$(1)/ksyms-empty.s: tools/ksyms.awk tools/klines.py
	@mkdir -p $$(@D)
	$$(Q)awk -v base=$$(KERNEL_BASE_$(1)) -f tools/ksyms.awk /dev/null > $$@
	$$(Q)$$(PYTHON) tools/klines.py --base $$(KERNEL_BASE_$(1)) < /dev/null >> $$@

build/obj/kernel-$(1)/ksyms-full.s: build/obj/kernel-$(1)/pass1.elf tools/ksyms.awk tools/klines.py
	@$$(call say,KSYMS,$$@)
	$$(Q)LC_ALL=C $$(NM) -n $$< | awk -v base=$$(KERNEL_BASE_$(1)) -f tools/ksyms.awk > $$@
	$$(Q)LC_ALL=C $$(READELF) --debug-dump=decodedline $$< | \
		$$(PYTHON) tools/klines.py --base $$(KERNEL_BASE_$(1)) >> $$@

build/obj/kernel-$(1)/ksyms-%.o: build/obj/kernel-$(1)/ksyms-%.s | need-build
	$$(Q)$$(GCC) $$(KERNEL_KSYMS_$(1)) -c $$< -o $$@

build/obj/kernel-$(1)/pass1.elf: $$(KERNEL_OBJECTS_$(1)) build/obj/kernel-$(1)/ksyms-empty.o $$(KERNEL_LD_$(1)) build/flags/kernel-link-$(1)
	@$$(call say,LD,$$@)
	$$(Q)$$(LD) $$(KERNEL_LDFLAGS_$(1)) $$(filter %.o,$$^) -o $$@

build/kernel-$(1).debug.elf: $$(KERNEL_OBJECTS_$(1)) build/obj/kernel-$(1)/ksyms-full.o $$(KERNEL_LD_$(1)) build/flags/kernel-link-$(1) tools/check_kernel.py
	@$$(call say,LD,$$@)
	$$(Q)$$(LD) $$(KERNEL_LDFLAGS_$(1)) $$(filter %.o,$$^) -o $$@
	$$(Q)$$(PYTHON) tools/check_kernel.py --base $$(KERNEL_BASE_$(1)) $$@

build/kernel-$(1).elf: build/kernel-$(1).debug.elf
	@$$(call say,STRIP,$$@)
	$$(Q)$$(OBJCOPY) --strip-all $$< $$@

-include $$(KERNEL_OBJECTS_$(1):.o=.d)
endef
$(foreach width,x86_64 i386,$(eval $(call kernel_image,$(width))))

# What the loader embeds, and what others build on.
KERNEL_ELF      := build/kernel-x86_64.elf
KERNEL_DEBUG    := build/kernel-x86_64.debug.elf
KERNEL_LD       := $(KERNEL_LD_x86_64)
KERNEL_DIR      := $(KERNEL_DIR_x86_64)
KERNEL_OBJECTS  := $(KERNEL_OBJECTS_x86_64)
KERNEL_LDFLAGS  := $(KERNEL_LDFLAGS_x86_64)
KERNEL_INCLUDES := $(call kernel_includes,x86_64)
KERNEL_CFLAGS    = $(KERNEL_CFLAGS_x86_64)
KERNEL_PRODUCTS := $(if $(wildcard kernel/main.c),$(KERNEL_ELF) $(KERNEL_DEBUG) build/kernel-i386.elf build/kernel-i386.debug.elf)

.PHONY: kernel
kernel: $(KERNEL_PRODUCTS) ## only the kernels, x86-64 and i386
