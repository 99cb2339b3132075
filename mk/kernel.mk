# SPDX-License-Identifier: BSD-2-Clause
#
# The x86-64 kernel. It is linked at KERNEL_BASE as a position-independent executable whose only
# relocations are R_X86_64_RELATIVE, so that the loader can slide it.
#
# Stack traces name functions: the image carries a table of its own symbols. It is linked twice.
# The first link has an empty table; the second has the table made from the first, at the end of
# the read-only data, where it moves no code. tools/check_kernel.py proves that the table is true
# of the final image, along with everything the loader will ask of it.

KERNEL_BASE := 0xFFFFFFFF80000000
KERNEL_LD   := kernel/arch/x86_64/kernel.ld

# A Multiboot loader cannot start this kernel.
KERNEL_SOURCES := $(sort $(filter-out kernel/boot/multiboot.c,$(wildcard kernel/*.c \
	$(foreach room,boot mm diag dev monitor lib smp user,kernel/$(room)/*.c) \
	$(foreach room,x86 x86_64,kernel/arch/$(room)/*.c kernel/arch/$(room)/*.asm))))
KERNEL_DIR     := build/obj/kernel-x86_64
KERNEL_OBJECTS := $(KERNEL_SOURCES:%=$(KERNEL_DIR)/%.o)

KERNEL_INCLUDES := -Iinclude -Ikernel -Ikernel/arch/x86/include -Ikernel/arch/x86_64/include
KERNEL_CFLAGS    = $(C_COMMON) -O2 -ffreestanding -fpie -fvisibility=hidden -mno-red-zone \
	-mgeneral-regs-only -fcf-protection=none -fno-omit-frame-pointer \
	-fstack-protector-strong -mstack-protector-guard=global \
	-fno-asynchronous-unwind-tables -fno-common $(KERNEL_INCLUDES)
KERNEL_ASFLAGS  := -f elf64 -Wall -Werror -Iinclude/ -Ikernel/
KERNEL_LDFLAGS  := -shared -Bsymbolic --no-undefined -nostdlib -z text -z noexecstack -z norelro \
	-z max-page-size=0x1000 --build-id=none -T $(KERNEL_LD)

FLAGS_kernel = $(GCC) $(KERNEL_CFLAGS) | $(NASM) $(KERNEL_ASFLAGS)
FLAGS_kernel-link = $(LD) $(KERNEL_LDFLAGS) | $(KERNEL_SOURCES)

KERNEL_ELF   := build/kernel-x86_64.elf
KERNEL_DEBUG := build/kernel-x86_64.debug.elf
KERNEL_PRODUCTS := $(if $(wildcard kernel/main.c),$(KERNEL_ELF) $(KERNEL_DEBUG))

.PHONY: kernel
kernel: $(KERNEL_PRODUCTS) ## only the kernel

$(KERNEL_DIR)/%.c.o: %.c build/flags/kernel $(MAKE_SOURCES) | need-build
	@mkdir -p $(@D); $(call say,CC,$<)
	$(Q)$(GCC) $(KERNEL_CFLAGS) -MMD -MP -c $< -o $@

$(KERNEL_DIR)/%.asm.o: %.asm build/flags/kernel $(MAKE_SOURCES) | need-build
	@mkdir -p $(@D); $(call say,ASM,$<)
	$(Q)$(NASM) $(KERNEL_ASFLAGS) -MD $(@:.o=.d) -MP -MT $@ $< -o $@

# The empty table of the first link, then the true one.
$(KERNEL_DIR)/ksyms-empty.s: tools/ksyms.awk
	@mkdir -p $(@D)
	$(Q)awk -v base=$(KERNEL_BASE) -f tools/ksyms.awk /dev/null > $@

$(KERNEL_DIR)/ksyms-full.s: $(KERNEL_DIR)/pass1.elf tools/ksyms.awk
	@$(call say,KSYMS,$@)
	$(Q)LC_ALL=C $(NM) -n $< | awk -v base=$(KERNEL_BASE) -f tools/ksyms.awk > $@

$(KERNEL_DIR)/ksyms-%.o: $(KERNEL_DIR)/ksyms-%.s | need-build
	$(Q)$(GCC) -c $< -o $@

$(KERNEL_DIR)/pass1.elf: $(KERNEL_OBJECTS) $(KERNEL_DIR)/ksyms-empty.o $(KERNEL_LD) build/flags/kernel-link
	@$(call say,LD,$@)
	$(Q)$(LD) $(KERNEL_LDFLAGS) $(filter %.o,$^) -o $@

$(KERNEL_DEBUG): $(KERNEL_OBJECTS) $(KERNEL_DIR)/ksyms-full.o $(KERNEL_LD) build/flags/kernel-link tools/check_kernel.py
	@$(call say,LD,$@)
	$(Q)$(LD) $(KERNEL_LDFLAGS) $(filter %.o,$^) -o $@
	$(Q)$(PYTHON) tools/check_kernel.py --base $(KERNEL_BASE) $@

$(KERNEL_ELF): $(KERNEL_DEBUG)
	@$(call say,STRIP,$@)
	$(Q)$(OBJCOPY) --strip-all $< $@

-include $(KERNEL_OBJECTS:.o=.d)
