/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tlb_switch.c - which table a processor translates through, and what of others it still has cached.
 *
 * A processor that can tag its translations (x86: PCID) keeps those of several tables side by side. Each
 * processor deals its few tags out by turns, and notes for each which table has it, and in which
 * generation. A table's generation grows whenever entries of it are flushed. Whoever switches to a
 * table that has a tag here keeps its translations if the generation is still the same, and drops them otherwise:
 *
 *     processor's tags      1: table 17, generation 4     2: table 9, generation 12     ...
 *
 *     switch to table 17, generation 4      nothing is dropped
 *     switch to table 9, generation 13      tag 2 begins anew
 *     switch to table 21                    takes the tag whose turn it is, which begins anew
 *
 * So a table that runs nowhere is flushed by counting, and only if it ever runs again. On other processors
 * where it does run, a flush is asked for (tlb_shoot.c). No processor slips between the two:
 *
 *     changes an entry                       turns to the table
 *     entry written                          wanted = table
 *     generation + 1                         generation read: its translations are kept, or not
 *     wanted or loaded: ask the processor    table loaded
 *                                            loaded = table, so that what it leaves counts until then
 *
 * Numbers of tables are never used twice: they are words, of 64 bits wherever there are tags. Tag 0 is the kernel's own table.
 *
 * The kernel's half is global and needs no tag. But what a processor caches of tables above the leaves is not
 * global, and INVLPG drops it for the tag in use alone (SDM vol. 3A, 4.10.4.1): when a table of the
 * kernel's half may be freed, all other tags begin anew, on every processor at its next switch.
 *
 * Switching is lazy: to the kernel's table nobody has to turn, for every table has its half. The one that
 * was in use stays, and coming back to it costs nothing; when it ends, every processor turns away.
 * Without tags there is one, and each switch drops what is not global. Locking: interrupts off; the state is the processor's own, but for
 * generations, which are counted atomically. O(TLB_TAGS).
 */
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "config.h"
#include "lib/bits.h"
#include "mm/tlb.h"
#include "smp/call.h"
#include "tlb_private.h"

#define TLB_TAGS 8

struct tag {
    uintptr_t identity; /* of the table; 0: none */
    uintptr_t generation;
};

static struct processor {
    _Alignas(64) const struct page_table *wanted; /* NULL: the kernel's own, as below */
    const struct page_table *loaded;
    struct tag tags[TLB_TAGS];
    unsigned turn; /* the tag that was given away last */
    unsigned in_use;
    uintptr_t kernel_generation; /* that the tags go with */
} processors[CONFIG_MAX_CPUS];

static uintptr_t last_identity;
static uintptr_t kernel_generation;

static unsigned tag_count(void)
{
    return (unsigned)min_u64(arch_tlb_tags(), TLB_TAGS);
}

/* --- changes ----------------------------------------------------------------------------- */

uintptr_t tlb_note_change(struct page_table *table)
{
    return __atomic_add_fetch(&table->tlb_generation, 1, __ATOMIC_SEQ_CST);
}

void tlb_note_kernel_change(void)
{
    (void)__atomic_add_fetch(&kernel_generation, 1, __ATOMIC_SEQ_CST);
}

/* In this order: whoever turns to the table writes `wanted` first and `loaded` last. */
bool tlb_may_use(unsigned cpu, const struct page_table *table)
{
    const struct processor *processor = &processors[cpu];

    return __atomic_load_n(&processor->wanted, __ATOMIC_SEQ_CST) == table ||
           __atomic_load_n(&processor->loaded, __ATOMIC_SEQ_CST) == table;
}

bool tlb_follow(const struct page_table *table, uintptr_t generation)
{
    struct processor *processor = &processors[arch_cpu_id()];

    if (processor->loaded != table)
        return false;
    processor->tags[processor->in_use].generation = generation;
    return true;
}

void tlb_table_begin(struct page_table *table)
{
    do
        table->tlb_identity = __atomic_add_fetch(&last_identity, 1, __ATOMIC_RELAXED);
    while (table->tlb_identity == 0);
    table->tlb_generation = 0;
    table->flush = tlb_flush_user;
}

void tlb_kernel_begin(struct page_table *table)
{
    table->flush = tlb_flush_kernel;
    for (unsigned cpu = 0; cpu < CONFIG_MAX_CPUS; cpu++)
        processors[cpu] = (struct processor){ .wanted = NULL };
}

/* --- switching --------------------------------------------------------------------------- */

static void forget_tags(struct processor *processor)
{
    uintptr_t now = __atomic_load_n(&kernel_generation, __ATOMIC_ACQUIRE);

    if (processor->kernel_generation == now)
        return;
    for (unsigned tag = 1; tag < TLB_TAGS; tag++)
        processor->tags[tag].identity = 0;
    processor->kernel_generation = now;
}

/* The tag of a table on this processor; whether what is cached with it is true. */
static unsigned find_tag(struct processor *processor, const struct page_table *table,
                         uintptr_t generation, bool *keep)
{
    unsigned count = tag_count();
    unsigned tag;

    for (tag = 1; tag < count && processor->tags[tag].identity != table->tlb_identity; tag++)
        ;
    *keep = tag < count && processor->tags[tag].generation == generation;
    if (tag >= count && count > 1) {
        processor->turn = processor->turn % (count - 1) + 1;
        tag = processor->turn;
    }
    return count > 1 ? tag : 0;
}

void tlb_table_switch(const struct page_table *table)
{
    struct processor *processor = &processors[arch_cpu_id()];
    uintptr_t generation;
    unsigned tag;
    bool keep;

    if (table->tlb_identity == 0 || processor->loaded == table)
        return;
    __atomic_store_n(&processor->wanted, table, __ATOMIC_SEQ_CST);
    generation = __atomic_load_n(&table->tlb_generation, __ATOMIC_SEQ_CST);
    forget_tags(processor);
    tag = find_tag(processor, table, generation, &keep);
    processor->tags[tag] = (struct tag){ table->tlb_identity, generation };
    processor->in_use = tag;
    if (tag == 0)
        arch_root_write(table->root);
    else
        arch_root_write_tagged(table->root, tag, keep);
    __atomic_store_n(&processor->loaded, table, __ATOMIC_RELEASE);
}

struct leave {
    const struct page_table *table;
    const struct page_table *kernel;
};

static void leave_here(const void *context)
{
    const struct leave *leave = context;
    struct processor *processor = &processors[arch_cpu_id()];

    if (processor->loaded != leave->table)
        return;
    processor->in_use = 0;
    arch_root_write(leave->kernel->root);
    __atomic_store_n(&processor->wanted, NULL, __ATOMIC_RELAXED);
    __atomic_store_n(&processor->loaded, NULL, __ATOMIC_RELEASE);
}

static bool has_to_leave(unsigned cpu, const void *context)
{
    const struct leave *leave = context;

    return tlb_may_use(cpu, leave->table);
}

void tlb_table_end(const struct page_table *table, const struct page_table *kernel)
{
    struct leave leave = { table, kernel };

    leave_here(&leave);
    smp_call_where(has_to_leave, leave_here, &leave);
}
