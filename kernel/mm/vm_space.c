/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vm_space.c - address spaces: made, used, ended; and the edits through which they change.
 *
 * The kernel's space covers the upper half and has the page table of paging.c, with its lock; a
 * user space covers the lower half of a table of its own, whose upper half is the kernel's. The
 * kernel's space begins with areas for what the loader mapped, so that whoever asks what an
 * address is (vm_query()) is told.
 *
 * Order of locks in an edit: the space (rank VMM), the kernel's table (PAGE_TABLE), then the
 * records (VM_CACHE) and the PMM. A user table has no lock but its space's.
 */
#include "arch/mmu.h"
#include "config.h"
#include "lib/assert.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "mm/layout.h"
#include "paging_private.h"
#include "vm_cache.h"
#include "vm_private.h"

static struct vm_cache area_cache = VM_CACHE_INIT(struct vm_area);
static struct vm_cache node_cache = VM_CACHE_INIT(struct vm_node);
static struct vm_cache space_cache = VM_CACHE_INIT(struct vm_space);

static struct vm_space kernel_space = { .lock =
                                            SPINLOCK_INIT(LOCK_RANK_VMM, "the kernel's areas") };

/* The space each processor runs in. NULL: none but the kernel's. */
static struct vm_space *current_spaces[CONFIG_MAX_CPUS];

/* --- locks and edits --------------------------------------------------------------------- */

bool vm_space_is_kernel(const struct vm_space *space)
{
    return space == &kernel_space;
}

irq_state_t vm_space_lock(struct vm_space *space)
{
    irq_state_t state = spin_lock(&space->lock);

    __atomic_store_n(&space->holder, arch_cpu_id() + 1, __ATOMIC_RELAXED);
    return state;
}

void vm_space_unlock(struct vm_space *space, irq_state_t state)
{
    __atomic_store_n(&space->holder, 0, __ATOMIC_RELAXED);
    spin_unlock(&space->lock, state);
}

bool vm_space_is_busy(const struct vm_space *space)
{
    return __atomic_load_n(&space->holder, __ATOMIC_RELAXED) == arch_cpu_id() + 1 ||
           paging_lock_is_mine();
}

void vm_edit_begin(struct vm_edit *edit, struct vm_space *space)
{
    edit->space = space;
    edit->spares = (struct vm_spares){ .area_count = 0 };
    edit->space_state = vm_space_lock(space);
    edit->table_state = vm_space_is_kernel(space) ? paging_lock() : 0;
    tlb_batch_init(&edit->batch, space->table, paging_release_owned);
}

static void spares_release(struct vm_spares *spares)
{
    while (spares->area_count > 0)
        vm_area_free(vm_spares_take(spares));
    while (spares->nodes != NULL) {
        struct vm_node *node = spares->nodes;

        spares->nodes = node->slot[0];
        vm_cache_free(&node_cache, node);
    }
}

void vm_edit_end(struct vm_edit *edit)
{
    tlb_batch_finish(&edit->batch);
    if (vm_space_is_kernel(edit->space))
        paging_unlock(edit->table_state);
    spares_release(&edit->spares);
    vm_space_unlock(edit->space, edit->space_state);
}

void vm_records_reset(void)
{
    area_cache.partial = NULL;
    node_cache.partial = NULL;
    space_cache.partial = NULL;
}

enum status vm_spares_fill(struct vm_spares *spares, unsigned areas, unsigned nodes)
{
    for (; areas > 0; areas--) {
        struct vm_area *area = vm_cache_alloc(&area_cache);

        if (area == NULL)
            return STATUS_NO_MEMORY;
        spares->areas[spares->area_count++] = area;
    }
    for (; nodes > 0; nodes--) {
        struct vm_node *node = vm_cache_alloc(&node_cache);

        if (node == NULL)
            return STATUS_NO_MEMORY;
        node->slot[0] = spares->nodes;
        spares->nodes = node;
    }
    return STATUS_OK;
}

struct vm_area *vm_spares_take(struct vm_spares *spares)
{
    VERIFY(spares->area_count > 0);
    return spares->areas[--spares->area_count];
}

void vm_area_free(struct vm_area *area)
{
    vm_cache_free(&area_cache, area);
}

/* --- the kernel's space ------------------------------------------------------------------ */

struct vm_space *vm_kernel(void)
{
    return &kernel_space;
}

/* A record of what the loader mapped. */
static enum status record_boot_mapping(const struct paging_boot_mapping *mapping)
{
    struct vm_request request = { .address = mapping->start,
                                  .size_bytes = mapping->size_bytes,
                                  .rights = mapping->rights,
                                  .kind = VM_WINDOW,
                                  .flags = VM_EXACT,
                                  .tag = FRAME_KERNEL,
                                  .name = mapping->name };
    enum status status = vm_map(&kernel_space, &request, &(vaddr_t){ 0 });

    if (status != STATUS_OK)
        log_error("vmm: no area for '%s' at 0x%llx (%s)", mapping->name,
                  (unsigned long long)va_value(mapping->start), status_name(status));
    return status;
}

enum status vmm_init(vaddr_t window_start, size_t window_bytes)
{
    const struct paging_boot_mapping *mappings;
    size_t count;

    vm_records_reset();
    vm_list_reset();
    kernel_space.table = paging_kernel_table();
    tlb_kernel_begin(kernel_space.table);
    kernel_space.window_start = va_value(window_start);
    kernel_space.window_end = va_value(window_start) + window_bytes;
    vm_tree_init(&kernel_space.areas, LAYOUT_KERNEL_HALF, LAYOUT_KERNEL_END);
    mappings = paging_boot_mappings(&count);
    for (size_t i = 0; i < count; i++) {
        enum status status = record_boot_mapping(&mappings[i]);

        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* --- where windows begin ----------------------------------------------------------------- */

#define SLIDE_MOST_BYTES TiB

static uint64_t slide_seed;   /* set once, early; 0: windows do not slide */
static uint32_t slide_number; /* of the next window */

void vm_slide_windows(uint64_t seed)
{
    slide_seed = seed;
    slide_number = 0;
}

/* SplitMix64 (Steele, Lea, Flood 2014) on a counter that processors share; of 32 bits, which a 486
 * counts in one step. */
static uint64_t slide_random(void)
{
    uint64_t step = 0x9e3779b97f4a7c15u;
    uint64_t z = slide_seed + step * __atomic_add_fetch(&slide_number, 1, __ATOMIC_RELAXED);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uintptr_t vm_slide(uintptr_t most_bytes)
{
    uint64_t pages = min_u64(most_bytes, SLIDE_MOST_BYTES) >> PAGE_SHIFT; /* at most 2^28 */

    if (slide_seed == 0)
        return 0;
    return (uintptr_t)(((slide_random() >> 32) * pages) >> 32 << PAGE_SHIFT);
}

/* --- user spaces ------------------------------------------------------------------------- */

enum status vm_space_create(struct vm_space **space)
{
    struct vm_space *fresh = vm_cache_alloc(&space_cache);
    enum status status;

    if (fresh == NULL)
        return STATUS_NO_MEMORY;
    fresh->own = *paging_kernel_table();
    fresh->own.keeps_top = false;
    fresh->table = &fresh->own;
    fresh->lock = (struct spinlock)SPINLOCK_INIT(LOCK_RANK_VMM, "the areas of a user space");
    status = pt_create(&fresh->own);
    if (status != STATUS_OK) {
        vm_cache_free(&space_cache, fresh);
        return status;
    }
    pt_share_upper(&fresh->own, paging_kernel_table());
    tlb_table_begin(&fresh->own);
    vm_tree_init(&fresh->areas, LAYOUT_USER_START,
                 va_value(pt_format_lower_end(fresh->own.format)));
    fresh->window_start = fresh->areas.first + vm_slide(fresh->areas.end / 8);
    fresh->window_end = fresh->areas.end;
    vm_list_add(fresh);
    *space = fresh;
    return STATUS_OK;
}

/* Areas and mappings. No leaf reaches beyond the lower half, so that nothing has to be split. */
static void empty_space(struct vm_space *space)
{
    struct vm_area *area;
    struct vm_edit edit;
    enum status status;

    vm_edit_begin(&edit, space);
    status = pt_unmap(space->table, va(space->areas.first), space->areas.end - space->areas.first,
                      &edit.batch);
    VERIFY(status == STATUS_OK);
    while ((area = vm_tree_at_or_after(&space->areas, space->areas.first)) != NULL) {
        vm_tree_remove(&space->areas, area, &edit.spares.nodes);
        vm_area_free(area);
    }
    vm_edit_end(&edit);
}

/* A processor that turned to the kernel's space may still use the table: switching is lazy. */
static void leave_table(struct vm_space *space)
{
    irq_state_t state = arch_irq_save();

    tlb_table_end(space->table, kernel_space.table);
    arch_irq_restore(state);
}

void vm_space_destroy(struct vm_space *space)
{
    VERIFY(!vm_space_is_kernel(space));
    if (vm_space_current() == space)
        vm_space_switch(&kernel_space);
    vm_list_remove(space);
    empty_space(space);
    leave_table(space);
    pt_destroy(&space->own);
    vm_cache_free(&space_cache, space);
}

void vm_space_switch(struct vm_space *space)
{
    irq_state_t state = arch_irq_save();

    current_spaces[arch_cpu_id()] = space;
    tlb_table_switch(space->table);
    arch_irq_restore(state);
}

struct vm_space *vm_space_current(void)
{
    struct vm_space *space = current_spaces[arch_cpu_id()];

    return space != NULL ? space : &kernel_space;
}

struct page_table *vm_space_table(struct vm_space *space)
{
    return space->table;
}
