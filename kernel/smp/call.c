/* SPDX-License-Identifier: BSD-2-Clause
 *
 * call.c - functions called on other processors. smp/call.h has the contract.
 *
 * Each processor has one order that it gives and a board where it finds who has one for it:
 *
 *      order of 2: function, context, 3 have not answered        board of 0:  | . . 1 . |  asked
 *                                                                 board of 1:  | . . 1 . |  asked
 *                                                                 board of 3:  | . 1 1 . |  asked
 *
 * A sender writes its order, sets its bit on the boards, and waits until the count is 0, answering
 * others meanwhile. Who is called takes the bits of its board, a word at a time, and runs those orders. Interrupts
 * are off while a processor waits, so that it has one order at a time, and bits are all there is to
 * queue: several senders at once, any number of targets, no memory, and no lock.
 *
 * `asked` is set after the bit and taken before the bits, so that a bit which a round misses has
 * another round to come. Who finds it set already need not interrupt: whoever set it does, and that
 * interrupt was not taken yet. Boards and orders have cache lines of their own.
 *
 * A kernel that has failed waits for nobody. O(processors) for a sender.
 */
#include "smp/call.h"

#include "arch/cpu.h"
#include "arch/smp.h"
#include "config.h"
#include "lib/lock.h"
#include "smp/smp.h"

#define WORD_BITS   32u
#define BOARD_WORDS ((CONFIG_MAX_CPUS + WORD_BITS - 1) / WORD_BITS)

struct order {
    void (*function)(const void *context);
    const void *context;
    uint32_t waiting; /* processors that have not answered */
};

static struct {
    _Alignas(64) struct order order;
    _Alignas(64) uint32_t asked; /* something is on the board */
    uint32_t board[BOARD_WORDS]; /* by sender */
} processors[CONFIG_MAX_CPUS];

/* --- being called ------------------------------------------------------------------------ */

static void answer(struct order *order)
{
    order->function(order->context);
    (void)__atomic_sub_fetch(&order->waiting, 1, __ATOMIC_RELEASE);
}

/* How many bits of the word were set. */
static unsigned answer_word(uint32_t *word, unsigned first)
{
    uint32_t bits = __atomic_load_n(word, __ATOMIC_RELAXED);
    unsigned count = 0;

    if (bits == 0)
        return 0;
    for (bits = __atomic_exchange_n(word, 0, __ATOMIC_ACQUIRE); bits != 0; bits &= bits - 1) {
        answer(&processors[first + (unsigned)__builtin_ctz(bits)].order);
        count++;
    }
    return count;
}

bool smp_calls_run(void)
{
    unsigned here = arch_cpu_id();
    unsigned count = 0;

    if (__atomic_load_n(&processors[here].asked, __ATOMIC_RELAXED) == 0)
        return false;
    (void)__atomic_exchange_n(&processors[here].asked, 0, __ATOMIC_ACQUIRE);
    for (unsigned word = 0; word * WORD_BITS < smp_limit(); word++)
        count += answer_word(&processors[here].board[word], word * WORD_BITS);
    smp_cpu(here)->calls += count;
    return count > 0;
}

/* --- calling ----------------------------------------------------------------------------- */

static void post(unsigned target, unsigned here)
{
    uint32_t *word = &processors[target].board[here / WORD_BITS];

    (void)__atomic_fetch_or(word, 1u << here % WORD_BITS, __ATOMIC_RELEASE);
    if (__atomic_exchange_n(&processors[target].asked, 1, __ATOMIC_RELEASE) == 0)
        arch_smp_send_call(target);
}

static bool is_broken(void)
{
    return __atomic_load_n(&spin_locks_broken, __ATOMIC_RELAXED);
}

/* The order counts this processor as well until all others have been asked. */
static void open_order(struct order *order, void (*function)(const void *context),
                       const void *context)
{
    order->function = function;
    order->context = context;
    __atomic_store_n(&order->waiting, 1, __ATOMIC_RELAXED);
}

static void ask(struct order *order, unsigned target)
{
    (void)__atomic_add_fetch(&order->waiting, 1, __ATOMIC_RELAXED);
    post(target, arch_cpu_id());
}

static void close_order(struct order *order)
{
    (void)__atomic_sub_fetch(&order->waiting, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&order->waiting, __ATOMIC_ACQUIRE) != 0 && !is_broken())
        spin_pause();
}

void smp_call_where(bool (*wanted)(unsigned cpu, const void *context),
                    void (*function)(const void *context), const void *context)
{
    irq_state_t state = arch_irq_save();
    unsigned here = arch_cpu_id();
    struct order *order = &processors[here].order;

    if (smp_count() > 1) {
        open_order(order, function, context);
        for (unsigned cpu = 0; cpu < smp_limit(); cpu++) {
            if (cpu != here && smp_is_online(cpu) && wanted(cpu, context))
                ask(order, cpu);
        }
        close_order(order);
    }
    arch_irq_restore(state);
}

static bool is_anyone(unsigned cpu, const void *context)
{
    (void)cpu;
    (void)context;
    return true;
}

void smp_call_others(void (*function)(const void *context), const void *context)
{
    smp_call_where(is_anyone, function, context);
}

void smp_call_on(unsigned cpu, void (*function)(const void *context), const void *context)
{
    irq_state_t state = arch_irq_save();
    struct order *order = &processors[arch_cpu_id()].order;

    if (cpu == arch_cpu_id()) {
        function(context);
    } else if (smp_is_online(cpu)) {
        open_order(order, function, context);
        ask(order, cpu);
        close_order(order);
    }
    arch_irq_restore(state);
}
