/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tlb_shoot.c - flushes on all processors that may hold what a batch changed.
 *
 * The kernel's half is in use everywhere: all processors that are online flush. A user table concerns those that have it
 * loaded; the others find at their next switch that its generation is another (tlb_switch.c). They are
 * not interrupted, which is what most flushes of programs that run on one processor come down to.
 *
 * One call carries the whole batch, in place: the ranges, or that there are too many. It has ended on every
 * processor before the batch releases anything. A processor that comes online meanwhile flushes by itself once it
 * counts as online (smp_enter()). Locking: the table's lock is held, interrupts are off.
 */
#include "arch/cpu.h"
#include "config.h"
#include "smp/call.h"
#include "smp/smp.h"
#include "tlb_private.h"

/* Of the processor that asks; its own to write. */
static struct {
    _Alignas(64) struct tlb_counts counts;
} processors[CONFIG_MAX_CPUS];

struct shot {
    const struct page_table *table; /* NULL: the kernel's */
    uintptr_t generation;
    const struct tlb_batch *batch;
    struct tlb_counts *counts;
};

static void add(uint32_t *count)
{
    __atomic_store_n(count, *count + 1, __ATOMIC_RELAXED);
}

static bool is_hit(unsigned cpu, const void *context)
{
    const struct shot *shot = context;
    bool hit = shot->table == NULL || tlb_may_use(cpu, shot->table);

    add(hit ? &shot->counts->sent : &shot->counts->skipped);
    return hit;
}

static void flush_shot(const struct shot *shot)
{
    if (shot->table == NULL || tlb_follow(shot->table, shot->generation))
        tlb_flush_here(shot->batch);
}

static void flush_as_asked(const void *context)
{
    smp_cpu(arch_cpu_id())->flushes++;
    flush_shot(context);
}

static void flush_everywhere(const struct shot *shot)
{
    flush_shot(shot);
    smp_call_where(is_hit, flush_as_asked, shot);
}

/* Interrupts off: nobody turns to another table in between. */
void tlb_flush_user(struct page_table *table, const struct tlb_batch *batch)
{
    irq_state_t state = arch_irq_save();
    const struct shot shot = { table, tlb_note_change(table), batch,
                               &processors[arch_cpu_id()].counts };

    flush_everywhere(&shot);
    arch_irq_restore(state);
}

void tlb_flush_kernel(struct page_table *table, const struct tlb_batch *batch)
{
    irq_state_t state = arch_irq_save();
    const struct shot shot = { NULL, 0, batch, &processors[arch_cpu_id()].counts };

    (void)table;
    if (batch->buries || batch->table_count > 0)
        tlb_note_kernel_change();
    flush_everywhere(&shot);
    arch_irq_restore(state);
}

void tlb_get_counts(unsigned cpu, struct tlb_counts *counts)
{
    const struct tlb_counts *from = &processors[cpu].counts;

    counts->sent = __atomic_load_n(&from->sent, __ATOMIC_RELAXED);
    counts->skipped = __atomic_load_n(&from->skipped, __ATOMIC_RELAXED);
}
