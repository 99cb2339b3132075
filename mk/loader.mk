# SPDX-License-Identifier: BSD-2-Clause
#
# The loader: a UEFI application made with gnu-efi, with the kernel embedded in it. It is compiled
# as a shared ELF object, turned into PE by objcopy, and sealed by tools/pe.py: the mark NX_COMPAT,
# no time stamp, a checksum, and a check of what firmware and shim demand of an image. The kernel is
# embedded compressed, to less than 60 %, as efi/unpack.c wants it.
#
# Besides efi/ it takes the pure files of kernel/mm, kernel/boot and kernel/lib, the very ones of the kernel.

LOADER_SHARED  := $(wildcard kernel/mm/memmap*.c) \
	$(wildcard kernel/mm/pt*.c) kernel/mm/tlb.c kernel/boot/stage_mark.c $(foreach part,print string status json,kernel/lib/$(part).c)
LOADER_SOURCES := $(sort $(wildcard efi/*.c efi/*.asm $(LOADER_SHARED)))
LOADER_DIR     := build/obj/loader
LOADER_OBJECTS := $(LOADER_SOURCES:%=$(LOADER_DIR)/%.o)

# One block, its content's size, no checksums: the same bytes from the same kernel, always. lz4 gives what it
# writes the time of what it read, which may be before that of the flags.
KERNEL_PACKED := $(LOADER_DIR)/kernel.lz4
PACK           = $(LZ4) -q -q -f -12 --favor-decSpeed -B7 --content-size --no-frame-crc
FLAGS_loader-pack = $(PACK)

# Where distributions keep gnu-efi; looked for late, since it may be installed by need-build.
GNUEFI_DIRS := /usr/lib /usr/lib/gnuefi /usr/lib64/gnuefi /usr/lib64 /usr/lib/gnuefi/x64 /usr/lib64/gnuefi/x64
GNUEFI_CRT0  = $(firstword $(wildcard $(GNUEFI_DIRS:%=%/crt0-efi-x86_64.o) $(GNUEFI_DIRS:%=%/crt0.o)) crt0-efi-x86_64.o)
GNUEFI_LDS   = $(firstword $(wildcard $(GNUEFI_DIRS:%=%/elf_x86_64_efi.lds) $(GNUEFI_DIRS:%=%/efi.lds)) elf_x86_64_efi.lds)

LOADER_INCLUDES := -Iinclude -Iefi -Iefi/include -isystem /usr/include/efi -isystem /usr/include/efi/x86_64
LOADER_CFLAGS    = $(C_COMMON) -Os -ffreestanding -fpic -fshort-wchar -fvisibility=hidden \
	-mno-red-zone -mgeneral-regs-only -maccumulate-outgoing-args -DGNU_EFI_USE_MS_ABI \
	-fcf-protection=none -fno-stack-protector -fno-stack-check -fno-asynchronous-unwind-tables \
	-fno-common $(LOADER_INCLUDES)
# Small, but for what goes through every byte of a kernel.
LOADER_FAST     := efi/unpack.c kernel/lib/string.c
loader_fast      = $(if $(filter $(LOADER_FAST),$(1)),-O2)
LOADER_ASFLAGS  := -f elf64 -Wall -Werror -Iinclude/ -Iefi/ -DKERNEL_IMAGE='"$(KERNEL_PACKED)"'
# Packed relative relocations would be lost on the way to PE; old linkers don't know the option.
LOADER_LDFLAGS   = -nostdlib -shared -Bsymbolic -z nocombreloc -z noexecstack -z norelro --build-id=none \
	--no-undefined $(shell $(LD) --help 2>/dev/null | grep -o -m1 -e '-z nopack-relative-relocs') -T $(GNUEFI_LDS)
LOADER_SECTIONS := .text .sdata .data .rodata .dynamic .dynsym .rel* .reloc

FLAGS_loader = $(GCC) $(LOADER_CFLAGS) $(LOADER_FAST) | $(NASM) $(LOADER_ASFLAGS)
FLAGS_loader-link = $(LD) $(LOADER_LDFLAGS) | $(LOADER_SECTIONS) | $(LOADER_SOURCES)

LOADER_EFI := build/BOOTX64.EFI
LOADER_SO  := $(LOADER_DIR)/loader.so
LOADER_PRODUCTS := $(if $(and $(wildcard efi/main.c),$(KERNEL_PRODUCTS)),$(LOADER_EFI))

.PHONY: loader
loader: $(LOADER_PRODUCTS) ## only the loader, with the kernel in it

$(LOADER_DIR)/%.c.o: %.c build/flags/loader $(MAKE_SOURCES) | need-build
	@mkdir -p $(@D); $(call say,CC,$<)
	$(Q)$(GCC) $(LOADER_CFLAGS) $(call loader_fast,$<) -MMD -MP -c $< -o $@

$(LOADER_DIR)/%.asm.o: %.asm build/flags/loader $(MAKE_SOURCES) | need-build
	@mkdir -p $(@D); $(call say,ASM,$<)
	$(Q)$(NASM) $(LOADER_ASFLAGS) -MD $(@:.o=.d) -MP -MT $@ $< -o $@

$(KERNEL_PACKED): $(KERNEL_ELF) build/flags/loader-pack | need-build
	@mkdir -p $(@D); $(call say,PACK,$<)
	$(Q)$(PACK) $< $@ && touch $@

# efi/embedded_kernel.asm includes the compressed kernel's bytes.
$(LOADER_DIR)/efi/embedded_kernel.asm.o: $(KERNEL_PACKED)

$(LOADER_SO): $(LOADER_OBJECTS) build/flags/loader-link
	@$(call say,LD,$@)
	$(Q)$(LD) $(LOADER_LDFLAGS) $(GNUEFI_CRT0) $(filter %.o,$^) -o $@ $(GNUEFI_DIRS:%=-L%) -lgnuefi

$(LOADER_EFI): $(LOADER_SO) tools/pe.py
	@$(call say,PE,$@)
	$(Q)$(OBJCOPY) $(LOADER_SECTIONS:%=-j '%') --output-target=efi-app-x86_64 $< $@
	$(Q)$(PYTHON) tools/pe.py seal $@
	$(Q)$(PYTHON) tools/pe.py check --so $< $@

-include $(LOADER_OBJECTS:.o=.d)
