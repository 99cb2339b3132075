/* SPDX-License-Identifier: BSD-2-Clause
 *
 * paging.c - mm/paging.h for a process: as much of it as the heap uses.
 *
 * The kernel's functions change the tables that the processor walks. Here a table of the same kind, made by the same
 * mm/pt.h of frames of the same PMM, only remembers which frame is behind which page of the heap, and
 * the embedder makes it true with whatever the host has (meridian_map()):
 *
 *     map     note in the table  ->  embedder maps; if it cannot, the note is taken back
 *     unmap   embedder unmaps    ->  note taken back, frames freed
 *
 * So a frame is never free while the process can still reach it through the heap. One lock guards the
 * table and is held until both are done.
 */
#include "mm/paging.h"

#include "arch/cpu.h"
#include "arch/embed.h"
#include "arch/mmu.h"
#include "lib/lock.h"
#include "mm/frame.h"
#include "mm/heap_debug.h"
#include "mm/pmm.h"

#define PHYSICAL_BITS 52

uintptr_t library_ram;

static struct spinlock lock = SPINLOCK_INIT(LOCK_RANK_PAGE_TABLE, "the heap's page table");
static unsigned lock_holder; /* number of the thread + 1; 0: nobody */

/* The linker's: where the program begins. The heap notes callers behind it at no cost (mm/heap_debug.h). */
[[gnu::weak]] extern const char __executable_start[];

void meridian_ram_at(void *physical_0)
{
    library_ram = (uintptr_t)physical_0;
    if (__executable_start != NULL)
        heap_code_from(__executable_start);
}

/* --- frames of tables -------------------------------------------------------------------- */

static enum status table_alloc(void *context, paddr_t *table)
{
    pfn_t frame;
    enum status status = pmm_alloc_zeroed(FRAME_PAGE_TABLE, &frame);

    (void)context;
    if (status == STATUS_OK)
        *table = pfn_to_pa(frame);
    return status;
}

static void table_free(void *context, paddr_t table)
{
    (void)context;
    (void)frame_put(pa_to_pfn(table));
}

static const struct pt_memory memory = { .alloc = table_alloc, .free = table_free };

static struct page_table table = { .format = &pt_format_x86_64_4level,
                                   .memory = &memory,
                                   .physical_bits = PHYSICAL_BITS,
                                   .largest_leaf = 1,
                                   .no_execute = true };
static bool table_exists;

static void put_frames(const struct pt_mapping *leaf)
{
    for (uint64_t offset = 0; offset < leaf->size_bytes; offset += PAGE_SIZE)
        (void)frame_put(pa_to_pfn(pa_add(leaf->target, offset)));
}

/* --- changes ----------------------------------------------------------------------------- */

static irq_state_t lock_table(void)
{
    irq_state_t state = spin_lock(&lock);

    __atomic_store_n(&lock_holder, arch_cpu_id() + 1, __ATOMIC_RELAXED);
    return state;
}

static void unlock_table(irq_state_t state)
{
    __atomic_store_n(&lock_holder, 0, __ATOMIC_RELAXED);
    spin_unlock(&lock, state);
}

bool paging_lock_is_mine(void)
{
    return __atomic_load_n(&lock_holder, __ATOMIC_RELAXED) == arch_cpu_id() + 1;
}

static enum status note(vaddr_t address, paddr_t target, size_t size_bytes, unsigned flags)
{
    if (!table_exists) {
        enum status status = pt_create(&table);

        if (status != STATUS_OK)
            return status;
        table_exists = true;
    }
    return pt_map(&table, address, target, size_bytes, flags);
}

static enum status forget(vaddr_t address, size_t size_bytes,
                          void (*release)(const struct pt_mapping *leaf))
{
    struct tlb_batch batch;
    enum status status;

    tlb_batch_init(&batch, &table, release);
    status = pt_unmap(&table, address, size_bytes, &batch);
    tlb_batch_finish(&batch);
    return status;
}

/* 4 KiB leaves only: nothing that is taken away later has to be split, which could fail. */
enum status paging_map(vaddr_t address, paddr_t target, size_t size_bytes, unsigned flags)
{
    irq_state_t state = lock_table();
    enum status status = note(address, target, size_bytes, flags | PT_SMALL);

    if (status == STATUS_OK && !meridian_map(va_ptr(address), pa_value(target), size_bytes)) {
        status = forget(address, size_bytes, NULL);
        if (status == STATUS_OK)
            status = STATUS_NO_MEMORY;
    }
    unlock_table(state);
    return status;
}

enum status paging_unmap(vaddr_t address, size_t size_bytes, bool free_frames)
{
    irq_state_t state = lock_table();
    enum status status;

    meridian_unmap(va_ptr(address), size_bytes);
    status = forget(address, size_bytes, free_frames ? put_frames : NULL);
    unlock_table(state);
    return status;
}
