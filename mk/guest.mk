# SPDX-License-Identifier: BSD-2-Clause
#
# Programs that stand beside the loader in tests and benchmarks, never on a user's stick:
# tests/qemu/firmware/NAME.c becomes build/firmware/NAME.efi, a UEFI program with the whole of
# gnu-efi's library.

FIRMWARE_SOURCES  := $(sort $(wildcard tests/qemu/firmware/*.c tests/bench/boot/efi_*.c))
FIRMWARE_PROGRAMS := $(patsubst %.c,build/firmware/%.efi,$(notdir $(FIRMWARE_SOURCES)))
FIRMWARE_DIR      := build/obj/firmware

$(FIRMWARE_DIR)/%.c.o: %.c build/flags/loader $(MAKE_SOURCES) | need-build
	@mkdir -p $(@D); $(call say,CC,$<)
	$(Q)$(GCC) $(LOADER_CFLAGS) -MMD -MP -c $< -o $@

# $(call firmware_program,SOURCE)
define firmware_program
build/firmware/$(notdir $(1:.c=.efi)): $(FIRMWARE_DIR)/$(1).o tools/pe.py
	@mkdir -p $$(@D); $$(call say,PE,$$@)
	$$(Q)$$(LD) $$(LOADER_LDFLAGS) $$(GNUEFI_CRT0) $$< -o $$(<:.c.o=.so) $$(GNUEFI_DIRS:%=-L%) -lefi -lgnuefi
	$$(Q)$$(OBJCOPY) $$(LOADER_SECTIONS:%=-j '%') --output-target=efi-app-x86_64 $$(<:.c.o=.so) $$@
	$$(Q)$$(PYTHON) tools/pe.py seal $$@
endef
$(foreach source,$(FIRMWARE_SOURCES),$(eval $(call firmware_program,$(source))))

# A Multiboot loader at its worst, for tests of the 32-bit kernel: a flat binary.
MULTIBOOT_SHIM := build/firmware/multiboot_shim.bin

$(MULTIBOOT_SHIM): tests/qemu/multiboot/shim.asm $(MAKE_SOURCES) | need-build
	@mkdir -p $(@D); $(call say,ASM,$<)
	$(Q)$(NASM) -f bin -Wall -Werror $< -o $@

-include $(FIRMWARE_SOURCES:%=$(FIRMWARE_DIR)/%.d)
