# SPDX-License-Identifier: BSD-2-Clause
#
# The user programs that the kernel carries: every user/programs/NAME.c, linked with the runtime
# into build/user/WIDTH/NAME.elf, which kernel/user/images.asm includes byte for byte.
# tools/check_kernel.py proves that each is what the kernel will accept.

USER_NAMES   := $(patsubst user/programs/%.c,%,$(sort $(wildcard user/programs/*.c)))
# The runtime shares text and memory functions with the kernel.
USER_RUNTIME := $(wildcard user/*.c) kernel/lib/print.c kernel/lib/string.c
USER_CFLAGS_COMMON = $(C_COMMON) -O2 -ffreestanding -mgeneral-regs-only -fcf-protection=none \
	-fno-stack-protector -fno-pie -fno-asynchronous-unwind-tables -fno-common \
	-ffunction-sections -fdata-sections -Iinclude -Iuser
USER_CFLAGS_x86_64 = $(USER_CFLAGS_COMMON) -mno-red-zone
USER_CFLAGS_i386   = $(USER_CFLAGS_COMMON) -m32 -march=i486 -mtune=generic -freg-struct-return
USER_LDFLAGS_COMMON := -static --nmagic --gc-sections --no-undefined -nostdlib -z noexecstack -z norelro \
	--build-id=none --strip-all -T user/program.ld
USER_LDFLAGS_x86_64 := -m elf_x86_64 $(USER_LDFLAGS_COMMON)
USER_LDFLAGS_i386   := -m elf_i386 $(USER_LDFLAGS_COMMON)
USER_ASFORMAT_x86_64 := elf64
USER_ASFORMAT_i386   := elf32

# $(call user_programs,WIDTH)
define user_programs
USER_ELFS_$(1) := $$(USER_NAMES:%=build/user/$(1)/%.elf)
USER_OBJECTS_$(1) := $$(USER_RUNTIME:%=build/obj/user-$(1)/%.o) build/obj/user-$(1)/user/start_$(1).asm.o
FLAGS_user-$(1) = $$(GCC) $$(USER_CFLAGS_$(1)) | $$(LD) $$(USER_LDFLAGS_$(1))

build/obj/user-$(1)/%.c.o: %.c build/flags/user-$(1) $$(MAKE_SOURCES) | need-build
	@mkdir -p $$(@D); $$(call say,CC,$$< (user $(1)))
	$$(Q)$$(GCC) $$(USER_CFLAGS_$(1)) -MMD -MP -c $$< -o $$@

build/obj/user-$(1)/%.asm.o: %.asm $$(MAKE_SOURCES) | need-build
	@mkdir -p $$(@D); $$(call say,ASM,$$<)
	$$(Q)$$(NASM) -f $$(USER_ASFORMAT_$(1)) -Wall -Werror $$< -o $$@

build/user/$(1)/%.elf: build/obj/user-$(1)/user/programs/%.c.o $$(USER_OBJECTS_$(1)) user/program.ld tools/check_kernel.py
	@mkdir -p $$(@D); $$(call say,LD,$$@)
	$$(Q)$$(LD) $$(USER_LDFLAGS_$(1)) $$(filter %.o,$$^) -o $$@
	$$(Q)$$(PYTHON) tools/check_kernel.py --program $$@

build/obj/kernel-$(1)/kernel/user/images.asm.o: $$(USER_ELFS_$(1))

.PRECIOUS: build/obj/user-$(1)/%.c.o build/obj/user-$(1)/%.asm.o
-include $$(shell find build/obj/user-$(1) -name '*.d' 2>/dev/null)
endef
$(foreach width,x86_64 i386,$(eval $(call user_programs,$(width))))
