# SPDX-License-Identifier: BSD-2-Clause
#
# Programs that stand beside the loader in tests and benchmarks, never on a user's stick:
# UEFI programs with the whole of gnu-efi's library, made into build/firmware/NAME.efi.
#
#   hostile.efi        all of tests/firmware: a firmware at its worst
#   efi_NAME.efi       a file each of tests/bench/boot
#   returning.elf      tests/firmware/kernel.c: a kernel that comes back to it

RETURNING_SOURCE  := tests/firmware/kernel.c
HOSTILE_SOURCES   := $(sort $(filter-out $(RETURNING_SOURCE),$(wildcard tests/firmware/*.c tests/firmware/*.asm)))
BENCH_SOURCES     := $(sort $(wildcard tests/bench/boot/efi_*.c))
FIRMWARE_SOURCES  := $(HOSTILE_SOURCES) $(BENCH_SOURCES)
FIRMWARE_DIR      := build/obj/firmware
RETURNING_KERNEL  := build/firmware/returning.elf
FIRMWARE_PROGRAMS := build/firmware/hostile.efi $(patsubst %.c,build/firmware/%.efi,$(notdir $(BENCH_SOURCES))) $(RETURNING_KERNEL)

$(FIRMWARE_DIR)/%.c.o: %.c build/flags/loader $(MAKE_SOURCES) | need-build
	@mkdir -p $(@D); $(call say,CC,$<)
	$(Q)$(GCC) $(LOADER_CFLAGS) -MMD -MP -c $< -o $@

$(FIRMWARE_DIR)/%.asm.o: %.asm build/flags/loader $(MAKE_SOURCES) | need-build
	@mkdir -p $(@D); $(call say,ASM,$<)
	$(Q)$(NASM) $(LOADER_ASFLAGS) $< -o $@

# $(call firmware_program,NAME,SOURCES)
define firmware_program
build/firmware/$(1).efi: $(2:%=$(FIRMWARE_DIR)/%.o) tools/pe.py
	@mkdir -p $$(@D); $$(call say,PE,$$@)
	$$(Q)$$(LD) $$(LOADER_LDFLAGS) $$(GNUEFI_CRT0) $$(filter %.o,$$^) -o $(FIRMWARE_DIR)/$(1).so $$(GNUEFI_DIRS:%=-L%) -lefi -lgnuefi
	$$(Q)$$(OBJCOPY) $$(LOADER_SECTIONS:%=-j '%') --output-target=efi-app-x86_64 $(FIRMWARE_DIR)/$(1).so $$@
	$$(Q)$$(PYTHON) tools/pe.py seal $$@
endef
$(eval $(call firmware_program,hostile,$(HOSTILE_SOURCES)))
$(foreach source,$(BENCH_SOURCES),$(eval $(call firmware_program,$(basename $(notdir $(source))),$(source))))

# As docs/boot-protocol.md says that a kernel is built.
RETURNING_CFLAGS = $(C_COMMON) -O2 -ffreestanding -fpie -fvisibility=hidden -mno-red-zone -mgeneral-regs-only \
	-fcf-protection=none -fno-stack-protector -fno-asynchronous-unwind-tables -Iinclude

$(RETURNING_KERNEL): $(RETURNING_SOURCE) build/flags/loader $(MAKE_SOURCES) | need-build
	@mkdir -p $(@D) $(FIRMWARE_DIR)/$(dir $<); $(call say,CC,$<)
	$(Q)$(GCC) $(RETURNING_CFLAGS) -MMD -MP -MT $@ -c $< -o $(FIRMWARE_DIR)/$<.o
	$(Q)$(LD) -pie -no-dynamic-linker -z noexecstack -z norelro -z separate-code -z max-page-size=0x1000 \
		-e entry $(FIRMWARE_DIR)/$<.o -o $@

# A Multiboot loader at its worst, for tests of the 32-bit kernel: a flat binary.
MULTIBOOT_SHIM := build/firmware/multiboot_shim.bin

$(MULTIBOOT_SHIM): tests/qemu/multiboot/shim.asm $(MAKE_SOURCES) | need-build
	@mkdir -p $(@D); $(call say,ASM,$<)
	$(Q)$(NASM) -f bin -Wall -Werror $< -o $@

-include $(patsubst %.c,$(FIRMWARE_DIR)/%.c.d,$(filter %.c,$(FIRMWARE_SOURCES) $(RETURNING_SOURCE)))
