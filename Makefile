# SPDX-License-Identifier: BSD-2-Clause
#
# Makefile - the one front door of Meridian. `make help` explains every target.
#
# Five images are built from one tree, chosen by include path and object list, never by #if:
#
#   programs build/user/                for ring 3, carried by the kernel         mk/user.mk
#   kernel   build/kernel-x86_64.elf     freestanding, position independent       mk/kernel.mk
#   loader   build/BOOTX64.EFI           a UEFI application that embeds the kernel mk/loader.mk
#   signed   build/signed/              the loader for Secure Boot, when asked for    mk/sign.mk
#   disk     build/meridian.{img,iso}    what goes on a stick, of build/esp/       mk/disk.mk
#   given    build/dist/                 what others get                           mk/dist.mk
#   checked  build/kernel-*-ubsan.elf    kernels that the compiler adds checks to  mk/sanitize.mk
#   hosted   build/hosted/, build/host/  libmm for tests, host programs            mk/hosted.mk
#
# New source files are picked up by wildcard. Objects depend on the headers that they include
# (-MMD) and on a stamp of the flags that they are built with, so that an incremental build is
# always right. Nothing in a product depends on the time, the user or the folder of a build.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

# What a user may set on the command line.
GCC     := gcc
CLANG   := clang
NASM    := nasm
LD      := ld
NM      := nm
OBJCOPY := objcopy
READELF := readelf
LZ4     := lz4
AR      := ar
PYTHON  := /usr/bin/python3
CONFIG  :=# toggles of include/config.h: make CONFIG="-DCONFIG_DEBUG=1"
KERNEL  := build/kernel-i386.elf# what make run-bios starts
SMP     :=# processors of the machine that make run and its like start
INSTALL ?= yes# INSTALL=no names missing packages instead of installing them
V       :=# V=1 shows the commands

# Tools and packages that a target needs are found, or installed, before anything is built.
export INSTALL
export SOURCE_DATE_EPOCH ?= 1704067200
export PYTHONDONTWRITEBYTECODE := 1

Q := $(if $(V),,@)
# $(call say,WHAT,FILE): one line a step, unless the commands themselves are shown.
say = $(if $(V),:,printf '  %-9s%s\n' '$(1)' '$(2:$(CURDIR)/%=%)')

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wvla -Wundef -Wmissing-prototypes -Werror
# Names in debug information and messages are relative to the tree, wherever it stands.
C_COMMON  = -std=gnu2x $(WARNINGS) -g -ffile-prefix-map=$(CURDIR)=. $(CONFIG)

MAKE_SOURCES := Makefile $(wildcard mk/*.mk)

# A product that depends on build/flags/NAME is rebuilt when $(FLAGS_NAME) changes.
build/flags/%: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(FLAGS_$*))' | cmp -s - $@ || \
		printf '%s\n' '$(subst ','\'',$(FLAGS_$*))' > $@
.PHONY: FORCE
FORCE:
.PRECIOUS: build/flags/%

# Order-only prerequisites: need-WHAT makes sure that the tools of WHAT are there.
need-%: FORCE
	@tools/setup.sh $*

include mk/user.mk
include mk/kernel.mk
include mk/sanitize.mk
include mk/library.mk
include mk/loader.mk
include mk/sign.mk
include mk/disk.mk
include mk/guest.mk
include mk/hosted.mk
include mk/exhaust.mk
include mk/fuzz.mk
include mk/bench.mk
include mk/bench_frames.mk
include mk/bench_heap.mk
include mk/viewer.mk
include mk/web.mk
include mk/proof.mk
include mk/dist.mk
include mk/check.mk
include mk/coverage.mk

# What a user may ask of a machine.
RUN_WORDS = $(if $(SMP),--cpus $(SMP)) $(if $(ARGS),--cmdline '$(ARGS)')

.PHONY: all clean help doctor run run-i386 run-bios debug debug-i386 gdb gdb-i386
GDB_SOCKET := build/gdb.sock
RUN_GDB     = $(if $(GDB),--gdb $(GDB_SOCKET))
all: $(KERNEL_PRODUCTS) $(LOADER_PRODUCTS) $(DISK_PRODUCTS) $(HOST_PROGRAMS) $(VIEWER) $(SANITIZER_PRODUCTS) ## build everything that goes on a stick, and the host programs

run: $(ESP_PRODUCTS) $(SANITIZER_PRODUCTS) | need-run ## boot in QEMU: a window where there is a display, else the terminal; ARGS="..." is the command line, GDB=yes lets gdb join
	@$(PYTHON) tools/meridian_qemu.py run --esp $(RUN_ESP) $(RUN_GDB) $(RUN_WORDS)

run-i386: $(RUN_I386) | need-run ## boot the 32-bit kernel in QEMU, by Multiboot; ARGS="..." is the command line, SMP=N processors
	@$(PYTHON) tools/meridian_qemu.py run --kernel $< $(RUN_GDB) $(RUN_WORDS)

run-bios: $(KERNEL) | need-bios ## the same by way of GRUB, from a disc under SeaBIOS; ARGS="..." is the command line, KERNEL=... the kernel
	@$(PYTHON) tools/meridian_qemu.py run --grub --kernel $< $(RUN_WORDS)

debug: $(ESP_PRODUCTS) | need-debug ## the same with gdb, stopped at the first instruction of the kernel
	@$(PYTHON) tools/meridian_qemu.py debug --esp build/esp --symbols build/kernel-x86_64.debug.elf $(RUN_WORDS)

debug-i386: build/kernel-i386.elf | need-debug ## the 32-bit kernel with gdb, stopped at its first instruction
	@$(PYTHON) tools/meridian_qemu.py debug --kernel $< --symbols build/kernel-i386.debug.elf $(RUN_WORDS)

gdb: build/kernel-x86_64.debug.elf | need-debug ## join the machine of `make run GDB=yes` with gdb, wherever the kernel has slid to
	@$(PYTHON) tools/meridian_qemu.py attach --gdb $(GDB_SOCKET) --symbols $<

gdb-i386: build/kernel-i386.debug.elf | need-debug ## join the machine of `make run-i386 GDB=yes`
	@$(PYTHON) tools/meridian_qemu.py attach --gdb $(GDB_SOCKET) --symbols $<

clean: ## remove everything that was built
	rm -rf build compile_commands.json

doctor: ## list every tool with its version, and what is missing
	@tools/setup.sh --doctor

help: ## this text
	@echo 'Meridian: make TARGET [INSTALL=no] [V=1] [UBSAN=1 | KASAN=1] [CONFIG="-DCONFIG_X=1"]'
	@echo
	@sed -n 's/^\([a-z][a-zA-Z0-9_.%-]*\):.*## \(.*\)/\1\t\2/p' $(MAKE_SOURCES) | \
		awk -F '\t' '{ printf "  %-22s %s\n", $$1, $$2 }'
	@echo
	@echo 'Missing tools are installed through the system package manager (sudo when not root);'
	@echo 'INSTALL=no only prints the command.'
