/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_machine.h - small machines for the tests of the frame allocator.
 *
 * A machine is a table of pieces of memory; what lies between is a hole. Memory near the places where the
 * bump allocator takes from holds garbage, as on a real machine.
 */
#ifndef MERIDIAN_TESTS_PMM_MACHINE_H
#define MERIDIAN_TESTS_PMM_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake_memory.h"
#include "host_log.h"
#include "host_panic.h"
#include "arch/mmu.h"
#include "lib/bits.h"
#include "mm/bump.h"
#include "mm/frame.h"
#include "mm/memmap.h"
#include "mm/pmm.h"

struct machine_piece {
    uint64_t base;
    uint64_t size_bytes;
    uint32_t type;
    uint16_t tag;
};

#define FREE_MEMORY(from, to)                                                                      \
    {                                                                                              \
        .base = (from), .size_bytes = (to) - (from), .type = E820_USABLE                           \
    }
#define LOW_MEMORY(from, to)                                                                       \
    {                                                                                              \
        .base = (from), .size_bytes = (to) - (from), .type = E820_RESERVED, .tag = REGION_TAG_LOW  \
    }
#define HELD_MEMORY(from, to, by)                                                                  \
    {                                                                                              \
        .base = (from), .size_bytes = (to) - (from), .type = E820_USABLE, .tag = (by)              \
    }
#define OTHER_MEMORY(from, to, kind)                                                               \
    {                                                                                              \
        .base = (from), .size_bytes = (to) - (from), .type = (kind)                                \
    }

/* The table of the machine that was started last. */
extern struct memmap machine_map;

/* The machine's memory and its map; bump_init() without an arena. */
void machine_start(const struct machine_piece *pieces, size_t count);

/* The same, and pmm_init(), which must succeed. */
void machine_boot(const struct machine_piece *pieces, size_t count);
#define MACHINE_BOOT(pieces) machine_boot(pieces, ARRAY_COUNT(pieces))

/* Gives the machine's memory back. */
int machine_stop(void **state);

/* 8 GiB, with low memory, a hole below 4 GiB and 5 GiB above it. */
void machine_boot_plain(void);

/* One stream of pseudo-random numbers, the same in each run; machine_start() begins it again. */
void machine_random_start(void);
uint64_t machine_random(void);
/* Below `limit`, which is > 0. */
uint64_t machine_random_below(uint64_t limit);

/* Bytes of the host that the machine's memory [base, base + size_bytes) costs. */
uint64_t machine_resident(uint64_t base, uint64_t size_bytes);

/* What the statistics say is free, after they have been found consistent with themselves. */
uint64_t machine_free_frames(void);

/* The wrong free `call` is refused, and says `why` in one line of the log. */
#define assert_refused(call, why)                                                                  \
    do {                                                                                           \
        host_log_clear();                                                                          \
        assert_int_equal((call), STATUS_DENIED);                                                   \
        if (!host_log_contains(why))                                                               \
            fail_msg("'%s' is not in: %s", (why), host_log_text());                                \
        assert_int_equal(host_log_count(LOG_ERROR), 1);                                            \
    } while (false)

#define assert_ok(call) assert_int_equal((call), STATUS_OK)

#endif
