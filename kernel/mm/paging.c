/* SPDX-License-Identifier: BSD-2-Clause
 *
 * paging.c - the kernel's page table: adopted from the loader, then changed here alone.
 *
 * The loader's tables stay in use. Their frames (regions tagged PAGE_TABLES) are in use as far as
 * the PMM knows, and freed like others when a table becomes empty. The identity mapping of the jump has tables of its own, in regions tagged JUMP, which are left as
 * they are: the caller frees the regions as a whole.
 *
 * User spaces share the kernel's half by copying entries of the root when they are created. So
 * that no such copy can ever be out of date, the tables below the root are made here, once, for all
 * of the windows in which the kernel maps anything later, and are never freed (keeps_top).
 *
 * One lock guards the table. It is held until the flush is done: a frame must not be handed out
 * while a translation to it lives. Ranks: PAGE_TABLE, then those of the PMM.
 */
#include "mm/paging.h"

#include "arch/mmu.h"
#include "config.h"
#include "direct_frame.h"
#include "lib/bits.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "mm/frame.h"
#include "mm/layout.h"
#include "mm/pmm.h"
#include "paging_private.h"

#define DIRECT_MAP_END (LAYOUT_DIRECT_MAP_START + LAYOUT_DIRECT_MAP_BYTES)

/* Windows that the kernel maps into after boot. */
static const struct {
    uintptr_t start;
    uintptr_t size_bytes;
} windows[] = {
    { LAYOUT_AREAS_START, LAYOUT_AREAS_BYTES },
    { LAYOUT_HEAP_START, LAYOUT_HEAP_BYTES },
    { LAYOUT_STACKS_START, LAYOUT_STACKS_BYTES },
    { LAYOUT_SHADOW_START, CONFIG_KASAN ? LAYOUT_SHADOW_BYTES : 0 },
};

static struct page_table kernel_table;
static vaddr_t direct_map; /* where physical 0 would appear */
static struct spinlock kernel_lock = SPINLOCK_INIT(LOCK_RANK_PAGE_TABLE, "the kernel's page table");
static unsigned kernel_lock_holder; /* number of the processor + 1; 0: nobody */

static struct paging_boot_mapping boot_mappings[PAGING_BOOT_MAPPINGS_MAX];
static size_t boot_mapping_count;

/* --- frames of tables -------------------------------------------------------------------- */

static enum status table_alloc(void *context, paddr_t *table)
{
    pfn_t frame;
    enum status status = direct_frame_alloc(FRAME_PAGE_TABLE, &frame);

    (void)context;
    if (status == STATUS_OK)
        *table = pfn_to_pa(frame);
    return status;
}

/* A frame that the PMM does not know came from a loader that did not say what it is for. */
static void table_free(void *context, paddr_t table)
{
    struct frame_info info;

    (void)context;
    frame_describe(pa_to_pfn(table), &info);
    if (info.managed)
        frame_put(pa_to_pfn(table));
    else if (pmm_add(pa_to_pfn(table), 1) != STATUS_OK)
        log_warning("paging: the frame 0x%llx of a page table is lost: the PMM does not take it",
                    (unsigned long long)pa_value(table));
}

const struct pt_memory paging_table_memory = { .alloc = table_alloc, .free = table_free };

static void put_frames(const struct pt_mapping *leaf)
{
    for (uint64_t offset = 0; offset < leaf->size_bytes; offset += PAGE_SIZE)
        frame_put(pa_to_pfn(pa_add(leaf->target, offset)));
}

void paging_release_owned(const struct pt_mapping *leaf)
{
    if ((leaf->flags & PT_OWNED) != 0)
        put_frames(leaf);
}

/* --- adoption ---------------------------------------------------------------------------- */

static enum status adopt_root(const struct handoff *handoff)
{
    kernel_table.format = arch_pt_format(handoff->table_levels);
    if (kernel_table.format == NULL) {
        log_error("paging: the loader built tables of %u levels, which this kernel does not know",
                  handoff->table_levels);
        return STATUS_UNSUPPORTED;
    }
    kernel_table.keeps_top = pt_format_keeps_root(kernel_table.format);
    kernel_table.root = pa(handoff->table_root);
    if (pa_equal(kernel_table.root, arch_root_read()))
        return STATUS_OK;
    log_error("paging: the processor uses the root 0x%llx, the handoff says 0x%llx",
              (unsigned long long)pa_value(arch_root_read()),
              (unsigned long long)handoff->table_root);
    return STATUS_CORRUPT;
}

static void jump_free(void *context, paddr_t table)
{
    (void)context;
    (void)table;
}

/* Everything below the upper half goes. Its tables are freed with their regions, by the caller. */
static enum status remove_identity(void)
{
    static const struct pt_memory jump_memory = { .alloc = table_alloc, .free = jump_free };
    size_t size_bytes = va_value(pt_format_lower_end(kernel_table.format));
    struct page_table table = kernel_table;
    struct tlb_batch batch;
    enum status status;

    table.memory = &jump_memory;
    tlb_batch_init(&batch, &table, NULL);
    status = pt_unmap(&table, va(0), size_bytes, &batch);
    tlb_batch_finish(&batch);
    if (status != STATUS_OK)
        log_error("paging: the identity mapping of the jump cannot be removed (%s)",
                  status_name(status));
    return status;
}

static enum status reserve_windows(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(windows); i++) {
        enum status status = STATUS_OK;

        if (windows[i].size_bytes != 0)
            status = pt_reserve_top(&kernel_table, va(windows[i].start), windows[i].size_bytes);
        if (status != STATUS_OK) {
            log_error("paging: no memory for the tables of the window at 0x%llx",
                      (unsigned long long)windows[i].start);
            return status;
        }
    }
    kernel_table.keeps_top = true;
    return STATUS_OK;
}

/* --- what the loader mapped -------------------------------------------------------------- */

static bool add_boot_mapping(vaddr_t start, uint64_t size_bytes, unsigned flags, const char *name)
{
    if (boot_mapping_count == PAGING_BOOT_MAPPINGS_MAX) {
        log_warning("paging: more than %u boot mappings; the rest has no name",
                    PAGING_BOOT_MAPPINGS_MAX);
        return false;
    }
    boot_mappings[boot_mapping_count++] =
        (struct paging_boot_mapping){ start, (size_t)size_bytes,
                                      flags & (PT_WRITE | PT_EXECUTE | PT_CACHE_MASK), name };
    return true;
}

/* The rights of a run as they were meant: without NX, what may be written can be executed, too. */
static unsigned meant_flags(const struct pt_mapping *run)
{
    bool unmeant = !kernel_table.no_execute && (run->flags & PT_WRITE) != 0;

    return unmeant ? run->flags & ~(unsigned)PT_EXECUTE : run->flags;
}

static bool add_window_run(void *context, const struct pt_mapping *run)
{
    (void)context;
    return add_boot_mapping(run->address, run->size_bytes, meant_flags(run), "framebuffer");
}

static bool add_image_run(void *context, const struct pt_mapping *run)
{
    const char *name = "kernel constants";

    if ((run->flags & PT_WRITE) != 0)
        name = "kernel data";
    else if (!kernel_table.no_execute)
        name = "kernel text and constants";
    else if ((run->flags & PT_EXECUTE) != 0)
        name = "kernel text";
    (void)context;
    return add_boot_mapping(run->address, run->size_bytes, meant_flags(run), name);
}

static void name_image(const struct handoff *handoff)
{
    pt_visit(&kernel_table, va((uintptr_t)handoff->kernel_va), (size_t)handoff->kernel_bytes,
             add_image_run, NULL);
}

/* The image has a window of its own, or lies in the direct map, which it then divides. */
static void name_boot_mappings(const struct handoff *handoff)
{
    uintptr_t start = (uintptr_t)handoff->direct_map_va;
    uintptr_t image = (uintptr_t)handoff->kernel_va;

    boot_mapping_count = 0;
    if (image < DIRECT_MAP_END) {
        add_boot_mapping(va(start), image - start, PT_WRITE, "direct map");
        name_image(handoff);
        start = image + (uintptr_t)handoff->kernel_bytes;
    }
    /* One area, however many holes it has: RAM may still come to it. */
    add_boot_mapping(va(start), DIRECT_MAP_END - start, PT_WRITE, "direct map");
    if (LAYOUT_TEMPORARY_BYTES != 0)
        add_boot_mapping(va(LAYOUT_TEMPORARY_START), LAYOUT_TEMPORARY_BYTES, PT_WRITE,
                         "temporary mappings");
    pt_visit(&kernel_table, va(LAYOUT_AREAS_START), LAYOUT_AREAS_BYTES, add_window_run, NULL);
    if (image >= DIRECT_MAP_END)
        name_image(handoff);
}

const struct paging_boot_mapping *paging_boot_mappings(size_t *count)
{
    *count = boot_mapping_count;
    return boot_mappings;
}

enum status init_paging(const struct handoff *handoff, unsigned physical_bits, bool no_execute,
                        unsigned largest_leaf)
{
    enum status status;

    kernel_table = (struct page_table){ .memory = &paging_table_memory,
                                        .physical_bits = physical_bits,
                                        .largest_leaf = largest_leaf,
                                        .no_execute = no_execute };
    direct_map = va((uintptr_t)handoff->direct_map_va);
    status = adopt_root(handoff);
    if (status == STATUS_OK)
        status = paging_check_adopted(&kernel_table, handoff);
    if (status == STATUS_OK)
        status = remove_identity();
    if (status == STATUS_OK)
        status = paging_check_rights(&kernel_table);
    if (status == STATUS_OK)
        status = reserve_windows();
    if (status != STATUS_OK)
        return status;
    kernel_table.no_pat = !arch_memory_types_set();
    name_boot_mappings(handoff);
    log_info("paging: %s%s", pt_format_name(kernel_table.format),
             no_execute ? ", no-execute" : "; this processor has no NX: data can be executed");
    return STATUS_OK;
}

/* --- changes ----------------------------------------------------------------------------- */

struct page_table *paging_kernel_table(void)
{
    return &kernel_table;
}

irq_state_t paging_lock(void)
{
    irq_state_t state = spin_lock(&kernel_lock);

    __atomic_store_n(&kernel_lock_holder, arch_cpu_id() + 1, __ATOMIC_RELAXED);
    return state;
}

void paging_unlock(irq_state_t state)
{
    __atomic_store_n(&kernel_lock_holder, 0, __ATOMIC_RELAXED);
    spin_unlock(&kernel_lock, state);
}

bool paging_lock_is_mine(void)
{
    return __atomic_load_n(&kernel_lock_holder, __ATOMIC_RELAXED) == arch_cpu_id() + 1;
}

static bool in_a_window(vaddr_t address, size_t size_bytes)
{
    for (size_t i = 0; i < ARRAY_COUNT(windows); i++) {
        uintptr_t offset = va_value(address) - windows[i].start;

        if (offset < windows[i].size_bytes)
            return size_bytes <= windows[i].size_bytes - offset;
    }
    return false;
}

/* Maps what the direct map lacks from *base on, up to its next mapping or `end`; *base follows. */
static enum status map_gap(uint64_t *base, uint64_t end)
{
    vaddr_t address = va_add(direct_map, (uintptr_t)*base);
    struct pt_mapping found;
    enum status status = pt_query(&kernel_table, address, &found);
    uint64_t start = *base;
    uint64_t last = found.size_bytes - 1 - (va_value(address) - va_value(found.address));

    *base = last < end - start ? start + last + 1 : end;
    if (status != STATUS_NOT_FOUND)
        return status;
    return pt_map(&kernel_table, address, pa(start), (size_t)(*base - start), PT_WRITE | PT_GLOBAL);
}

enum status paging_add_ram(paddr_t base, uint64_t size_bytes)
{
    uint64_t at = pa_value(base);
    uint64_t end = min_u64(at + size_bytes, arch_direct_end());
    enum status status = STATUS_OK;
    irq_state_t state;

    if (at >= end)
        return STATUS_OK;
    if (end > DIRECT_MAP_END - va_value(direct_map))
        return STATUS_UNSUPPORTED;
    state = paging_lock();
    while (status == STATUS_OK && at < end)
        status = map_gap(&at, end);
    paging_unlock(state);
    return status;
}

enum status paging_map(vaddr_t address, paddr_t target, size_t size_bytes, unsigned flags)
{
    irq_state_t state;
    enum status status;

    if (!in_a_window(address, size_bytes) || (flags & PT_USER) != 0)
        return STATUS_INVALID;
    state = paging_lock();
    status = pt_map(&kernel_table, address, target, size_bytes, flags | PT_GLOBAL);
    paging_unlock(state);
    return status;
}

enum status paging_unmap(vaddr_t address, size_t size_bytes, bool free_frames)
{
    struct tlb_batch batch;
    irq_state_t state;
    enum status status;

    if (va_value(address) < LAYOUT_KERNEL_HALF)
        return STATUS_INVALID;
    tlb_batch_init(&batch, &kernel_table, free_frames ? put_frames : paging_release_owned);
    state = paging_lock();
    status = pt_unmap(&kernel_table, address, size_bytes, &batch);
    tlb_batch_finish(&batch);
    paging_unlock(state);
    return status;
}

enum status paging_protect(vaddr_t address, size_t size_bytes, unsigned flags)
{
    struct tlb_batch batch;
    irq_state_t state;
    enum status status;

    if (va_value(address) < LAYOUT_KERNEL_HALF || (flags & PT_USER) != 0)
        return STATUS_INVALID;
    tlb_batch_init(&batch, &kernel_table, paging_release_owned);
    state = paging_lock();
    status = pt_protect(&kernel_table, address, size_bytes, flags | PT_GLOBAL, &batch);
    tlb_batch_finish(&batch);
    paging_unlock(state);
    return status;
}

/* --- looking ----------------------------------------------------------------------------- */

enum status paging_translate(vaddr_t address, paddr_t *target)
{
    return pt_translate(&kernel_table, address, target);
}

enum status paging_audit(void)
{
    irq_state_t state = paging_lock();
    enum status status = paging_check_rights(&kernel_table);

    paging_unlock(state);
    return status;
}
