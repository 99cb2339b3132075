/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lib/lock.h - ticket locks.
 *
 * A lock names what it guards and has a rank: a processor takes locks in growing rank only, which
 * makes a deadlock between them impossible. Interrupts are off while one is held, so that a
 * handler may take the same lock. Waiters are served in order of arrival.
 * Any context; not recursive. After spin_break_locks() nobody waits any more: for a report on a kernel
 * that has failed, which may have stopped inside of any of them.
 */
#ifndef MERIDIAN_LIB_LOCK_H
#define MERIDIAN_LIB_LOCK_H

#include "arch/cpu.h"

/* Outermost first. */
enum lock_rank {
    LOCK_RANK_VM_SPACES,  /* the list of user spaces */
    LOCK_RANK_VMM,        /* an address space: its areas */
    LOCK_RANK_HEAP_LARGE, /* the heap's page runs */
    LOCK_RANK_HEAP_CLASS, /* one size class: its slabs and depot */
    LOCK_RANK_HEAP_DEBUG, /* the records of the heap's debugging */
    LOCK_RANK_PAGE_TABLE, /* the tables of one address space */
    LOCK_RANK_VM_CACHE,   /* the records that describe spaces and areas */
    LOCK_RANK_TLB,        /* requests to other processors */
    LOCK_RANK_PMM_AREA,   /* one 1 GiB area of frames */
    LOCK_RANK_PMM,        /* the PMM's directory and reserve */
    LOCK_RANK_CONSOLE,    /* the log ring and the console; innermost */
};

struct spinlock {
    uint32_t next;  /* ticket of the next to come */
    uint32_t owner; /* ticket that may enter */
    enum lock_rank rank;
    const char *guards; /* what, in a few words */
};

#define SPINLOCK_INIT(lock_rank, what)                                                             \
    {                                                                                              \
        .next = 0, .owner = 0, .rank = (lock_rank), .guards = (what)                               \
    }

/* Set once, when the kernel has failed; only its report still runs. */
extern bool spin_locks_broken;

static inline void spin_break_locks(void)
{
    __atomic_store_n(&spin_locks_broken, true, __ATOMIC_RELAXED);
}

/* Takes `lock`, with interrupts off from now on; the return value goes to spin_unlock(). */
static inline irq_state_t spin_lock(struct spinlock *lock)
{
    irq_state_t state = arch_irq_save();
    uint32_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

    while (__atomic_load_n(&lock->owner, __ATOMIC_ACQUIRE) != ticket &&
           !__atomic_load_n(&spin_locks_broken, __ATOMIC_RELAXED))
        arch_cpu_relax();
    return state;
}

static inline void spin_unlock(struct spinlock *lock, irq_state_t state)
{
    __atomic_store_n(&lock->owner, lock->owner + 1, __ATOMIC_RELEASE);
    arch_irq_restore(state);
}

#endif
