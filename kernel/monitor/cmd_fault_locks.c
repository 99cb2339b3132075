/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_fault_locks.c - fault locks: a kernel that fails on one processor while the others hold locks.
 *
 * One of the others holds a lock for ever, with interrupts off, so that nothing but a stop reaches it. The rest
 * allocate frames and write to the log as fast as they can, and are stopped wherever they are, often with a
 * lock of the memory manager or the log. Then the report is written all the same.
 */
#include "arch/cpu.h"
#include "arch/smp.h"
#include "commands.h"
#include "lib/assert.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "mm/pmm.h"
#include "smp/smp.h"

#define WAIT_US    1000u
#define WAIT_TURNS 5000u

static struct spinlock held = SPINLOCK_INIT(LOCK_RANK_CONSOLE, "nothing: it is held for ever");
static unsigned begun; /* how many of the others are at it */

static void note_begun(void)
{
    (void)__atomic_add_fetch(&begun, 1, __ATOMIC_RELEASE);
}

[[gnu::noinline]] static void hold_a_lock_for_ever(void *context)
{
    (void)context;
    (void)spin_lock(&held);
    note_begun();
    for (;;)
        arch_cpu_relax();
}

[[gnu::noinline]] static void allocate_for_ever(void *context)
{
    pfn_t first;

    (void)context;
    note_begun();
    for (;;)
        if (pmm_alloc(4, FRAME_KERNEL, &first) == STATUS_OK)
            (void)pmm_free(first, 4);
}

[[gnu::noinline]] static void log_for_ever(void *context)
{
    (void)context;
    note_begun();
    for (;;)
        log_debug("processor %u has nothing to say", arch_cpu_id());
}

/* In a function with a name that reads well in the trace. */
[[gnu::noinline]] static void fail_while_others_hold_locks(unsigned others)
{
    for (unsigned turn = 0; __atomic_load_n(&begun, __ATOMIC_ACQUIRE) < others; turn++) {
        VERIFY(turn < WAIT_TURNS);
        arch_delay(WAIT_US);
    }
    panic("Processor %u fails on purpose, while others hold locks", arch_cpu_id());
}

/* Returns where there is one processor. */
bool fault_locks_provoke(const struct command_call *call)
{
    static void (*const work[])(void *context) = { hold_a_lock_for_ever, allocate_for_ever,
                                                   log_for_ever };
    unsigned turn = 0;

    if (smp_count() == 1)
        return command_fail(call, "there is one processor");
    for (unsigned cpu = 1; cpu < smp_limit(); cpu++)
        if (smp_run_on(cpu, work[turn % ARRAY_COUNT(work)], NULL) == STATUS_OK)
            turn++;
    fail_while_others_hold_locks(turn);
    return false;
}
