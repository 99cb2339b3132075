/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lock.c - what a processor does while it waits for a lock, and what the checks of lib/lock.h know.
 *
 * Locks that a processor holds form a stack of its own, in the order in which they were taken. Ranks grow
 * towards the top, so comparing with the top is enough:
 *
 *      top ->  one area of frames   rank 7   taken at pmm_give_frames+0x40
 *              the kernel's table   rank 4   taken at paging_lock+0x1a       <- wanted again: recursive,
 *              the kernel's areas   rank 0   taken at vm_space_lock+0x18        though not on top
 *
 * Only its own processor touches a stack, with interrupts off; so there is nothing to lock. Exceptions and
 * NMIs use the stack of what they interrupted, for they hold what that holds. A kernel that has
 * failed takes locks that others hold: nothing is noted any more, and nothing reported twice.
 * Without CONFIG_LOCK_CHECKS nobody calls the checks, and there are no stacks.
 */
#include "lib/lock.h"

#include "lib/assert.h"
#include "lib/print.h"
#include "smp/call.h"

#define HELD_MAX    16
#define PLACE_BYTES 64

bool spin_locks_broken;

static struct held_locks {
    unsigned count;
    struct {
        const struct spinlock *lock;
        const void *place;
    } held[HELD_MAX];
} processors[CONFIG_LOCK_CHECKS ? CONFIG_MAX_CPUS : 1];

static size_t (*name_place)(const void *place, char *text, size_t size);

/* --- waiting ----------------------------------------------------------------------------- */

static bool is_broken(void)
{
    return __atomic_load_n(&spin_locks_broken, __ATOMIC_RELAXED);
}

void spin_pause(void)
{
    irq_state_t state = arch_irq_save();

    (void)smp_calls_run();
    arch_irq_restore(state);
    arch_cpu_relax();
}

void spin_wait(const struct spinlock *lock, uint32_t ticket)
{
    while (__atomic_load_n(&lock->owner, __ATOMIC_ACQUIRE) != ticket && !is_broken())
        spin_pause();
}

/* --- checks ------------------------------------------------------------------------------ */

static const char *place_text(const void *place, char text[PLACE_BYTES])
{
    if (name_place != NULL)
        (void)name_place(place, text, PLACE_BYTES);
    else
        (void)print_buffer(text, PLACE_BYTES, "%p", place);
    return text;
}

[[gnu::cold, gnu::noreturn]] static void report_order(const struct held_locks *mine, unsigned index,
                                                      const struct spinlock *lock,
                                                      const void *place)
{
    const struct spinlock *other = mine->held[index].lock;
    char here[PLACE_BYTES];
    char there[PLACE_BYTES];

    (void)place_text(place, here);
    (void)place_text(mine->held[index].place, there);
    if (other == lock)
        panic("A lock is taken twice: '%s' at %s, and before that at %s, by processor %u",
              lock->guards, here, there, arch_cpu_id());
    panic(
        "Locks are taken in the wrong order: '%s' (rank %u) at %s inside of '%s' (rank %u), taken "
        "at %s, by processor %u",
        lock->guards, lock->rank, here, other->guards, other->rank, there, arch_cpu_id());
}

static void check_order(const struct held_locks *mine, const struct spinlock *lock,
                        const void *place)
{
    if (mine->count == 0 || mine->held[mine->count - 1].lock->rank < lock->rank)
        return;
    for (unsigned i = 0; i < mine->count; i++) {
        if (mine->held[i].lock == lock)
            report_order(mine, i, lock, place);
    }
    report_order(mine, mine->count - 1, lock, place);
}

[[gnu::noinline]] void spin_note_take(const struct spinlock *lock)
{
    struct held_locks *mine = &processors[arch_cpu_id()];
    const void *place = __builtin_return_address(0);

    if (is_broken())
        return;
    check_order(mine, lock, place);
    if (mine->count == HELD_MAX)
        panic("More than %u locks are held at once, the last is '%s'", HELD_MAX, lock->guards);
    mine->held[mine->count].lock = lock;
    mine->held[mine->count].place = place;
    mine->count++;
}

[[gnu::noinline]] void spin_note_release(const struct spinlock *lock)
{
    struct held_locks *mine = &processors[arch_cpu_id()];
    unsigned index = mine->count;
    char here[PLACE_BYTES];

    if (is_broken())
        return;
    while (index > 0 && mine->held[index - 1].lock != lock)
        index--;
    if (index == 0)
        panic("A lock is released at %s by processor %u, which does not hold it: '%s'",
              place_text(__builtin_return_address(0), here), arch_cpu_id(), lock->guards);
    for (mine->count--; index <= mine->count; index++)
        mine->held[index - 1] = mine->held[index];
}

[[gnu::noinline]] void spin_check_none(const char *place)
{
    const struct held_locks *mine = &processors[arch_cpu_id()];
    char there[PLACE_BYTES];

    if (is_broken() || mine->count == 0)
        return;
    panic("A lock is held on the way to %s: '%s', taken at %s, by processor %u", place,
          mine->held[mine->count - 1].lock->guards,
          place_text(mine->held[mine->count - 1].place, there), arch_cpu_id());
}

void spin_forget_held(void)
{
    if (CONFIG_LOCK_CHECKS)
        processors[arch_cpu_id()].count = 0;
}

void spin_name_places(size_t (*name)(const void *place, char *text, size_t size))
{
    name_place = name;
}
