# SPDX-License-Identifier: BSD-2-Clause
#
# Fuzzing (libFuzzer of clang): each tests/fuzz/fuzz_NAME.c is one class of input with the properties that
# must hold, and tests/fuzz/corpus/NAME the few inputs that are kept.
#
# Each class is built twice. build/fuzz/NAME looks for new inputs: instrumented and optimised, undefined
# behaviour traps, and guard pages (tests/fuzz/fuzz.h) stand in for the address sanitizer, for the sake
# of 10^8 runs. build/unit/clang/fuzz_NAME only runs what is kept, as a unit test with the library and
# under the sanitizers of these.

FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

# Sources of a class beyond the library.
FUZZ_EXTRA_config      := efi/config_file.c $(EFI_TEXT)
FUZZ_EXTRA_elf         := efi/elf.c efi/elf_relocate.c efi/source.c efi/refusal.c
FUZZ_EXTRA_cmdline     := efi/command_line.c efi/text.c
FUZZ_EXTRA_program_elf := kernel/user/program_elf.c
FUZZ_EXTRA_frames      := tests/unit/pmm_machine.c
FUZZ_EXTRA_heap        := tests/unit/heap_machine.c tests/unit/heap_ledger.c
FUZZ_EXTRA_spaces      := tests/unit/pmm_machine.c tests/unit/vm_machine.c

CC_fuzz      := $(CLANG)
FUZZ_CHECKED := -O2 -fsanitize=undefined -fno-sanitize=alignment,null,object-size,pointer-overflow -fsanitize-trap=all
# Comparisons are not traced: that would cost more than everything else together. Nor are harnesses and
# models watched at all: what they cover is no news.
VARIANT_fuzz  = $(FUZZ_CHECKED) -fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp
$(eval $(call hosted_variant,fuzz))
build/hosted/fuzz/tests/%: VARIANT_fuzz = $(FUZZ_CHECKED)

# $(call fuzz_objects,VARIANT,NAME,MAIN)
fuzz_objects = $(patsubst %,build/hosted/$(1)/%.o,tests/fuzz/fuzz_$(2).c tests/fuzz/fuzz.c $(3) $(FUZZ_EXTRA_$(2))) build/hosted/$(1)/libmm.a

# $(call fuzz_program,NAME)
define fuzz_program
build/fuzz/$(1): $$(call fuzz_objects,fuzz,$(1)) | need-fuzz
	@mkdir -p $$(@D); $$(call say,LINK,$$@)
	$$(Q)$$(CLANG) $$(VARIANT_fuzz) -fsanitize=fuzzer $$^ -o $$@ -lcmocka

build/unit/clang/fuzz_$(1): $$(call fuzz_objects,clang,$(1),tests/fuzz/replay.c)
	@mkdir -p $$(@D); $$(call say,LINK,$$@)
	$$(Q)$$(CC_clang) $$(VARIANT_clang) $$^ -o $$@ -lcmocka
endef

$(foreach name,$(FUZZ_NAMES),$(eval $(call fuzz_program,$(name))))
FUZZ_REPLAYS := $(FUZZ_NAMES:%=build/unit/clang/fuzz_%)
UNIT_PROGRAMS += $(FUZZ_REPLAYS)

FUZZ_WANTED = $(or $(NAME),$(FUZZ_NAMES))

.PHONY: fuzz fuzz-regress fuzz-keep
fuzz: $(FUZZ_WANTED:%=build/fuzz/%) ## look for inputs that break a property: TIME=60 seconds a class, RUNS=N at most, NAME="CLASS..." not all
	@$(PYTHON) tests/fuzz/run.py --time $(or $(TIME),60) --runs $(or $(RUNS),0) $(FUZZ_WANTED)

fuzz-regress: $(FUZZ_REPLAYS) ## the inputs that are kept, under ASan and UBSan: part of make test
	@$(PYTHON) tools/run_unit.py $^

fuzz-keep: $(FUZZ_WANTED:%=build/fuzz/%) ## choose the inputs to keep in tests/fuzz/corpus from what campaigns found
	@$(PYTHON) tests/fuzz/run.py --keep $(FUZZ_WANTED)
