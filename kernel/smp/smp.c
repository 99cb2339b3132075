/* SPDX-License-Identifier: BSD-2-Clause
 *
 * smp.c - the processors while they run: who is online, the timer, the idle loop, the stop.
 *
 * Processor 0 runs the monitor. The others sleep in smp_enter() until an interrupt comes: the timer, a call of
 * another processor, or work that was left for them (smp_run_on()). What they look at before they sleep is
 * written before their idle word changes, and the interrupt follows, so that nothing is overlooked:
 *
 *     gives work                      sleeps
 *     work = function                 word = idle_word
 *     idle_word + 1                   nothing to do?
 *     interrupt                       sleep unless idle_word != word
 *
 * While the monitor waits for a key, each tick lets an idle processor zero frames ahead of their use.
 *
 * A stop is for the last report of a kernel that has failed. The first processor that asks for it gets
 * it; every other one that asks is stopped like the rest.
 *
 * Locking: none. A processor's record is its own; words that others write are atomic.
 */
#include "smp/smp.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/smp.h"
#include "lib/bits.h"
#include "lib/lock.h"
#include "mm/pmm.h"
#include "smp/call.h"
#include "smp_private.h"

#define HERTZ_OF_FEW  100u /* ticks a second */
#define HERTZ_OF_MANY 10u  /* with more than FEW processors: their ticks add up */
#define FEW           16u
#define STOP_TURNS    (1u << 24) /* without a clock: a second and more */

struct smp_cpu smp_cpus[CONFIG_MAX_CPUS];
struct smp_numbers smp_numbers = { .limit = 1, .online = 1 };

static unsigned tick_hertz;
static uint32_t clearing_allowed;

/* --- who is there ------------------------------------------------------------------------ */

unsigned smp_count(void)
{
    return __atomic_load_n(&smp_numbers.online, __ATOMIC_RELAXED);
}

unsigned smp_limit(void)
{
    return __atomic_load_n(&smp_numbers.limit, __ATOMIC_RELAXED);
}

static uint32_t state_of(unsigned cpu)
{
    return __atomic_load_n(&smp_cpus[cpu].state, __ATOMIC_ACQUIRE);
}

/* Nobody has counted processors yet: there is the one that asks. */
bool smp_is_online(unsigned cpu)
{
    if (cpu == 0 && state_of(0) == SMP_NONE)
        return true;
    return cpu < smp_limit() && state_of(cpu) == SMP_ONLINE;
}

struct smp_cpu *smp_cpu(unsigned cpu)
{
    return cpu < smp_limit() ? &smp_cpus[cpu] : NULL;
}

/* --- the timer --------------------------------------------------------------------------- */

void smp_tick(void)
{
    struct smp_cpu *me = &smp_cpus[arch_cpu_id()];

    me->ticks++;
    if (me->is_idle)
        me->idle_ticks++;
}

unsigned smp_tick_hertz(void)
{
    return __atomic_load_n(&tick_hertz, __ATOMIC_ACQUIRE);
}

static void wake(unsigned cpu)
{
    (void)__atomic_add_fetch(&smp_cpus[cpu].idle_word, 1, __ATOMIC_RELEASE);
    arch_smp_send_call(cpu);
}

/* Each processor starts its own timer: the others when they next look what there is to do. */
void smp_start_ticks(void)
{
    unsigned hertz = smp_count() > FEW ? HERTZ_OF_MANY : HERTZ_OF_FEW;

    if (!arch_tick_measure())
        return;
    __atomic_store_n(&tick_hertz, hertz, __ATOMIC_RELEASE);
    arch_tick_begin(hertz);
    for (unsigned cpu = 1; cpu < smp_limit(); cpu++)
        if (smp_is_online(cpu))
            wake(cpu);
}

/* --- work -------------------------------------------------------------------------------- */

enum status smp_run_on(unsigned cpu, void (*function)(void *context), void *context)
{
    if (cpu == 0 || !smp_is_online(cpu) || cpu == arch_cpu_id())
        return STATUS_NOT_FOUND;
    if (!smp_has_finished(cpu))
        return STATUS_BUSY;
    smp_cpus[cpu].work_context = context;
    __atomic_store_n(&smp_cpus[cpu].work, function, __ATOMIC_RELEASE);
    wake(cpu);
    return STATUS_OK;
}

bool smp_has_finished(unsigned cpu)
{
    return cpu >= smp_limit() || __atomic_load_n(&smp_cpus[cpu].work, __ATOMIC_ACQUIRE) == NULL;
}

static bool run_work(struct smp_cpu *me)
{
    void (*work)(void *context) = __atomic_load_n(&me->work, __ATOMIC_ACQUIRE);

    if (work == NULL)
        return false;
    me->is_idle = false;
    arch_irq_enable();
    work(me->work_context);
    (void)arch_irq_save();
    me->is_idle = true;
    __atomic_store_n(&me->work, NULL, __ATOMIC_RELEASE);
    return true;
}

/* --- frames ahead of their use ----------------------------------------------------------- */

void smp_allow_clearing(bool allowed)
{
    smp_cpus[arch_cpu_id()].is_idle = allowed;
    __atomic_store_n(&clearing_allowed, allowed, __ATOMIC_SEQ_CST);
    for (unsigned cpu = 0; !allowed && cpu < smp_limit(); cpu++)
        while (__atomic_load_n(&smp_cpus[cpu].is_clearing, __ATOMIC_SEQ_CST))
            arch_cpu_relax();
}

/* One frame; false: there are enough, or none is wanted. */
static bool clear_frame(struct smp_cpu *me)
{
    bool cleared;

    if (!__atomic_load_n(&clearing_allowed, __ATOMIC_RELAXED))
        return false;
    __atomic_store_n(&me->is_clearing, true, __ATOMIC_SEQ_CST);
    arch_irq_enable();
    cleared = __atomic_load_n(&clearing_allowed, __ATOMIC_SEQ_CST) && pmm_zero_ahead();
    (void)arch_irq_save();
    __atomic_store_n(&me->is_clearing, false, __ATOMIC_RELEASE);
    me->cleared_frames += cleared;
    return cleared;
}

/* --- the idle loop ----------------------------------------------------------------------- */

static bool begin_ticks(bool *ticking)
{
    unsigned hertz = smp_tick_hertz();

    if (*ticking || hertz == 0)
        return false;
    arch_tick_begin(hertz);
    *ticking = true;
    return true;
}

[[gnu::noreturn]] void smp_idle_loop(struct smp_cpu *me)
{
    bool ticking = false;

    me->is_idle = true;
    for (;;) {
        uint32_t word = __atomic_load_n(&me->idle_word, __ATOMIC_ACQUIRE);

        spin_expect_none("sleep");
        if (!smp_calls_run() && !begin_ticks(&ticking) && !run_work(me) && !clear_frame(me))
            arch_smp_idle(&me->idle_word, word);
    }
}

/* --- the stop ---------------------------------------------------------------------------- */

void smp_note_stop(uintptr_t instruction, uintptr_t frame_pointer)
{
    struct smp_cpu *me = &smp_cpus[arch_cpu_id()];

    me->stopped_at = instruction;
    me->stopped_frame = frame_pointer;
    __atomic_store_n(&me->state, SMP_STOPPED, __ATOMIC_RELEASE);
}

static bool is_anyone_running(void)
{
    unsigned here = arch_cpu_id();

    for (unsigned cpu = 0; cpu < smp_limit(); cpu++)
        if (cpu != here && smp_is_online(cpu))
            return true;
    return false;
}

void smp_stop_others(void)
{
    static uint32_t stopper; /* number + 1 */
    uint32_t me = arch_cpu_id() + 1;
    uint32_t first = 0;
    uint64_t start = arch_timestamp();

    if (!__atomic_compare_exchange_n(&stopper, &first, me, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE) &&
        first != me)
        arch_cpu_halt(); /* another processor was first, and stops this one */
    if (first == me || smp_count() == 1)
        return;
    arch_smp_stop_others();
    for (unsigned turn = 0; is_anyone_running(); turn++) {
        if (arch_clock_hertz() != 0 ? arch_timestamp() - start > arch_clock_hertz()
                                    : turn > STOP_TURNS)
            return;
        arch_cpu_relax();
    }
}
