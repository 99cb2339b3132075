# SPDX-License-Identifier: BSD-2-Clause
#
# Small worlds tried to the last case (tests/exhaust): build/exhaust has the long form, without sanitizers;
# tests/unit/test_exhaust.c and test_heap_exhaust.c are the short one.

EXHAUST_memory := $(addprefix tests/exhaust/,maps.c frames.c areas.c) tests/unit/pmm_machine.c
EXHAUST_heap   := tests/exhaust/objects.c tests/unit/heap_machine.c tests/unit/heap_ledger.c

build/worlds/memory: $(patsubst %,build/hosted/plain/%.o,tests/exhaust/main.c tests/exhaust/worlds.c $(EXHAUST_memory)) build/hosted/plain/libmm.a
build/worlds/heap: $(patsubst %,build/hosted/plain/%.o,tests/exhaust/main.c tests/exhaust/worlds_heap.c $(EXHAUST_heap)) build/hosted/plain/libmm.a
build/worlds/memory build/worlds/heap: | need-unit
	@mkdir -p $(@D); $(call say,LINK,$@)
	$(Q)$(GCC) $^ -o $@ -lcmocka

.PHONY: exhaust
exhaust: build/worlds/memory build/worlds/heap ## every case of small worlds against obvious models: maps, allocators, areas; ARGS="PROCESSES [WORLD]"
	@build/worlds/memory $(ARGS)
	@build/worlds/heap $(ARGS)
