# SPDX-License-Identifier: BSD-2-Clause
#
# Small worlds tried to the last case (tests/exhaust): build/exhaust is the long form, without sanitizers;
# tests/unit/test_exhaust.c the short one.

EXHAUST_WORLDS := $(filter-out %/main.c,$(wildcard tests/exhaust/*.c))

build/exhaust: $(patsubst %,build/hosted/plain/%.o,tests/exhaust/main.c $(EXHAUST_WORLDS)) build/hosted/plain/libmm.a
	@mkdir -p $(@D); $(call say,LINK,$@)
	$(Q)$(GCC) $^ -o $@

.PHONY: exhaust
exhaust: build/exhaust ## every case of small worlds against obvious models: maps, allocators, areas; ARGS="PROCESSES [WORLD]"
	@build/exhaust $(ARGS)
