/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lib/lock.h - ticket locks.
 *
 * A lock names what it guards and has a rank: a processor takes locks in growing rank only, which
 * makes a deadlock between them impossible. Interrupts are off while one is held, so that a
 * handler may take the same lock. Waiters are served in order of arrival, and answer the calls of other
 * processors (smp/call.h) while they wait: whoever holds a lock may wait for others to do something.
 * Any context; not recursive. After spin_break_locks() nobody waits any more: for a report on a kernel
 * that has failed, which may have stopped inside of any of them.
 *
 * With CONFIG_LOCK_CHECKS each processor notes what it holds and where it took that (kernel/smp/lock.c). A
 * wrong order, a lock that is taken twice, released by somebody else or held where none may be is a
 * panic that names both locks and both places, before it can become a hang. Else that costs nothing.
 */
#ifndef MERIDIAN_LIB_LOCK_H
#define MERIDIAN_LIB_LOCK_H

#include "arch/cpu.h"
#include "config.h"

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
    LOCK_RANK_PMM_CACHES, /* frames that other processors hand over */
    LOCK_RANK_PMM_AREA,   /* one 1 GiB area of frames */
    LOCK_RANK_PMM,        /* the PMM's directory and reserve */
    LOCK_RANK_REGION,     /* labels of physical memory */
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

/* One turn of a loop that waits for another processor: answers calls. Any context. */
void spin_pause(void);

/* What follows is for the functions below. */
void spin_wait(const struct spinlock *lock, uint32_t ticket);
void spin_note_take(const struct spinlock *lock);
void spin_note_release(const struct spinlock *lock);
void spin_check_none(const char *place);

/* Takes `lock`, with interrupts off from now on; the return value goes to spin_unlock(). */
[[gnu::always_inline]] static inline irq_state_t spin_lock(struct spinlock *lock)
{
    irq_state_t state = arch_irq_save();
    uint32_t ticket;

    if (CONFIG_LOCK_CHECKS)
        spin_note_take(lock);
    ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);
    if (__builtin_expect(__atomic_load_n(&lock->owner, __ATOMIC_ACQUIRE) != ticket, 0))
        spin_wait(lock, ticket);
    return state;
}

[[gnu::always_inline]] static inline void spin_unlock(struct spinlock *lock, irq_state_t state)
{
    if (CONFIG_LOCK_CHECKS)
        spin_note_release(lock);
    __atomic_store_n(&lock->owner, lock->owner + 1, __ATOMIC_RELEASE);
    arch_irq_restore(state);
}

/* The caller is about to go where no lock may be held: "ring 3", "sleep". A call of another processor
 * is no such place, for all who wait for a lock answer calls. */
[[gnu::always_inline]] static inline void spin_expect_none(const char *place)
{
    if (CONFIG_LOCK_CHECKS)
        spin_check_none(place);
}

/* This processor left what it was doing with a jump (a test that expects a panic): it holds nothing, as
 * far as the checks know. */
void spin_forget_held(void);

/* How the checks write places in the code, as print_buffer(); until then as addresses. */
void spin_name_places(size_t (*name)(const void *place, char *text, size_t size));

#endif
