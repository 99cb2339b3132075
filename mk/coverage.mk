# SPDX-License-Identifier: BSD-2-Clause
#
# Coverage: the unit tests, built by clang to count what they execute of the sources, and tests of machines in a
# QEMU that counts the instructions of the kernel that ships; one report of both. Figures: docs/testing.md.

COVERAGE := build/coverage
# Of tests/qemu, those that look at the kernel. The others look at the loader, or at the same in other machines.
COVERAGE_TESTS := monitor user smp multiboot pci explain numa screen stress tour bios memory_map fail_alloc

CC_cover      := $(CLANG)
VARIANT_cover := $(LOCK_CHECKS) -fprofile-instr-generate -fcoverage-mapping
$(eval $(call hosted_variant,cover))
$(foreach name,$(UNIT_NAMES),$(eval $(call unit_program,cover,$(name))))
COVER_PROGRAMS := $(UNIT_NAMES:%=build/unit/cover/%)

# Debian's tools have LLVM's version in their names.
LLVM_COV      = $(firstword $(shell command -v llvm-cov-14 llvm-cov))
LLVM_PROFDATA = $(firstword $(shell command -v llvm-profdata-14 llvm-profdata))

$(COVERAGE)/plugin.so: tools/coverage/plugin.c $(MAKE_SOURCES) | need-build
	@mkdir -p $(@D); $(call say,CC,$@)
	$(Q)$(GCC) $(C_COMMON) -O2 -shared -fPIC $< -o $@

$(COVERAGE)/hosted.info: $(COVER_PROGRAMS) | need-coverage
	@mkdir -p $(@D); rm -rf $(COVERAGE)/raw
	$(Q)LLVM_PROFILE_FILE=$(CURDIR)/$(COVERAGE)/raw/%p.profraw $(PYTHON) tools/run_unit.py $^ || echo "coverage: what failed counts as far as it came"
	$(Q)$(LLVM_PROFDATA) merge -sparse $(COVERAGE)/raw/*.profraw -o $(COVERAGE)/hosted.profdata
	$(Q)$(LLVM_COV) export -format=lcov -instr-profile=$(COVERAGE)/hosted.profdata $(patsubst %,-object %,$^) > $@

.PHONY: coverage coverage-hosted coverage-machines coverage-report
coverage-hosted: $(COVERAGE)/hosted.info

coverage-machines: all $(COVERAGE)/plugin.so $(FIRMWARE_PROGRAMS) $(MULTIBOOT_SHIM) | need-test need-coverage
	@$(PYTHON) tools/coverage.py prepare $(COVERAGE)
	-@MERIDIAN_COVERAGE=$(CURDIR)/$(COVERAGE) $(PYTHON) -m pytest -q -p no:cacheprovider -n 2 $(COVERAGE_TESTS:%=tests/qemu/test_%.py)

coverage-report:
	@$(PYTHON) tools/coverage.py report $(COVERAGE) --goals

coverage: coverage-hosted coverage-machines ## which lines and branches the tests execute, hosted and in machines: a table, and build/coverage/html
	@$(MAKE) --no-print-directory coverage-report
