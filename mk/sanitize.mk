# SPDX-License-Identifier: BSD-2-Clause
#
# Sanitised kernels: the same sources, with checks that the compiler adds. They are images of their own, in
# folders of their own, beside the usual ones:
#
#   make UBSAN=1   build/kernel-x86_64-ubsan.elf, build/kernel-i386-ubsan.elf   undefined behaviour
#   make KASAN=1   build/kernel-x86_64-kasan.elf                                memory that is nobody's
#
# each with build/esp-ubsan or build/esp-kasan, a stick whose configuration names that kernel, which
# `make run UBSAN=1` starts. What is found ends in a fault report (kernel/diag/ubsan.c, kasan.c).

UBSAN :=# UBSAN=1: build, or run, the kernel that finds undefined behaviour
KASAN :=# KASAN=1: build, or run, the kernel that checks every access to memory
SANITIZER := $(if $(UBSAN),ubsan,$(if $(KASAN),kasan))

# null: page 0 is never mapped, and the processor's report says more. Some checks
# make the compiler lose sight of values: what it then only suspects is no error here.
UBSAN_FLAGS := -DCONFIG_UBSAN=1 -fsanitize=undefined -fno-sanitize=null \
	-Wno-maybe-uninitialized

# Calls before each access, to variables with room around them; stacks have the stack protector. The heap's
# window is made smaller, since all of it gets a shadow.
KASAN_FLAGS := -DCONFIG_KASAN=1 -DCONFIG_HEAP_MAX_BYTES=0x10000000
KASAN_CHECK := -fsanitize=kernel-address --param asan-instrumentation-with-call-threshold=0 --param asan-stack=0 \
	--param asan-globals=1 $(foreach name,memcpy memmove memset memcmp strlen,-D$(name)=kasan_$(name)) -Wno-maybe-uninitialized
# Not checked: the checker; what fills and compares freed memory, clears free frames, reads stacks as words; the
# one implementation of memcpy() and its like; self-tests that spoil freed memory, to see it found otherwise.
KASAN_UNCHECKED := kernel/diag/kasan%.c kernel/lib/string.c kernel/mm/heap_fill.c kernel/mm/pmm_zero.c \
	kernel/diag/stack_trace.c kernel/diag/selftest_memory.c kernel/diag/selftest_heapdebug.c
kasan_check      = $(if $(filter $(KASAN_UNCHECKED),$(1)),,$(KASAN_CHECK))
# kernel/diag/kasan_frames.c stands before these.
KASAN_WRAPPED   := pmm_alloc_frame pmm_alloc_zeroed pmm_alloc pmm_alloc_run pmm_alloc_bulk pmm_free_frame pmm_free \
	pmm_free_run pmm_free_bulk

# $(call sanitized_image,WIDTH,NAME,FLAGS,SOURCES,LINKER FLAGS)
define sanitized_image
KERNEL_BASE_$(1)-$(2)    := $$(KERNEL_BASE_$(1))
KERNEL_SOURCES_$(1)-$(2) := $$(KERNEL_SOURCES_$(1)) $(4)
KERNEL_CFLAGS_$(1)-$(2)   = $$(KERNEL_CFLAGS_$(1)) $(3)
KERNEL_ASFLAGS_$(1)-$(2) := $$(KERNEL_ASFLAGS_$(1))
KERNEL_LDFLAGS_$(1)-$(2) := $$(KERNEL_LDFLAGS_$(1)) $(5)
KERNEL_KSYMS_$(1)-$(2)   := $$(KERNEL_KSYMS_$(1))
build/obj/kernel-$(1)-$(2)/kernel/user/images.asm.o: $$(USER_ELFS_$(1))
$$(eval $$(call kernel_image,$(1)-$(2)))
endef
$(eval $(call sanitized_image,x86_64,ubsan,$$(UBSAN_FLAGS),kernel/diag/ubsan.c))
$(eval $(call sanitized_image,i386,ubsan,$$(UBSAN_FLAGS),kernel/diag/ubsan.c))
$(eval $(call sanitized_image,x86_64,kasan,$$(KASAN_FLAGS) $$(call kasan_check,$$<),$(wildcard kernel/diag/kasan*.c),$(KASAN_WRAPPED:%=--wrap=%)))

SANITIZED_IMAGES := x86_64-ubsan i386-ubsan x86_64-kasan
SANITIZED_KERNELS := $(SANITIZED_IMAGES:%=build/kernel-%.elf)
# What the tests boot, and one width of each is enough for `make test`.
SANITIZED_TESTED := build/kernel-x86_64-ubsan.elf build/kernel-x86_64-kasan.elf

# The usual stick, with another kernel on it.
build/esp-%.stamp: build/kernel-x86_64-%.elf build/esp.stamp
	@$(call say,STAGE,build/esp-$*)
	$(Q)rm -rf build/esp-$* && cp -r build/esp build/esp-$*
	$(Q)mkdir -p build/esp-$*/boot && cp $< build/esp-$*/boot/kernel.elf
	$(Q)printf 'kernel: /boot/kernel.elf\n' >> build/esp-$*/meridian/meridian.conf
	$(Q)touch $@

# What `make UBSAN=1` and `make KASAN=1` build, beside everything else.
SANITIZER_PRODUCTS := $(if $(SANITIZER),$(filter %-$(SANITIZER).elf,$(SANITIZED_KERNELS)) build/esp-$(SANITIZER).stamp)
# What `make run` and `make run-i386` start.
RUN_ESP  := $(if $(SANITIZER),build/esp-$(SANITIZER),build/esp)
RUN_I386 := build/kernel-i386$(SANITIZER:%=-%).elf

.PHONY: test-sanitizers
test-sanitizers: all $(SANITIZED_KERNELS) | need-test ## sanitised kernels of both widths: all self-tests pass, and every mistake is found
	@MERIDIAN_SANITIZED="$(SANITIZED_IMAGES)" $(PYTHON) -m pytest -q -p no:cacheprovider -n 2 tests/qemu/test_sanitizers.py
