/* SPDX-License-Identifier: BSD-2-Clause
 *
 * explain.c - the links of an explanation, each asked of the part that knows.
 *
 * A virtual address is walked to a physical one, or to the entry that ends the walk; what follows is the same
 * for both. Who maps a frame is found the hard way, by looking at every leaf of every table, since nothing
 * else is true of live tables; one visit finds the direct map, areas, the heap and all user spaces.
 *
 * A verbatim entry of the firmware may be anything: ends are compared by distance, so that none wraps.
 */
#include "diag/explain.h"

#include "boot/efi_memory.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/kstack.h"
#include "mm/layout.h"
#include "mm/paging.h"
#include "mm/pmm_node.h"

#define AREA_SHIFT       30 /* 1 GiB */
#define BLOCK_SHIFT      21 /* 2 MiB */
#define FRAMES_PER_BLOCK (1u << (BLOCK_SHIFT - PAGE_SHIFT))

/* --- where an address lies ------------------------------------------------------------------- */

const char *explain_window_name(vaddr_t address)
{
    static const struct {
        uint64_t start;
        uint64_t size_bytes;
        const char *name;
    } windows[] = {
        { LAYOUT_DIRECT_MAP_START, LAYOUT_DIRECT_MAP_BYTES, "direct map" },
        { LAYOUT_TEMPORARY_START, LAYOUT_TEMPORARY_BYTES, "temporary mappings" },
        { LAYOUT_AREAS_START, LAYOUT_AREAS_BYTES, "areas" },
        { LAYOUT_HEAP_START, LAYOUT_HEAP_BYTES, "heap" },
        { LAYOUT_STACKS_START, LAYOUT_STACKS_BYTES, "kernel stacks" },
        { LAYOUT_IMAGE_START, LAYOUT_IMAGE_BYTES, "kernel image" },
    };

    for (size_t i = 0; i < ARRAY_COUNT(windows); i++) {
        if (va_value(address) - windows[i].start < windows[i].size_bytes)
            return windows[i].name;
    }
    return va_value(address) < LAYOUT_KERNEL_HALF ? "lower half" : "no window";
}

enum explain_kind explain_kind_of(uint64_t number)
{
    return number >= LAYOUT_KERNEL_HALF && number <= UINTPTR_MAX ? EXPLAIN_VIRTUAL
                                                                 : EXPLAIN_PHYSICAL;
}

/* --- what the firmware said ------------------------------------------------------------------ */

static struct explain_descriptor read_descriptor(const struct handoff_firmware_map *map,
                                                 uint32_t index)
{
    const uint8_t *at = map->map + (size_t)index * map->descriptor_bytes;
    struct efi_memory_descriptor efi;
    struct e820_entry e820;
    uint64_t size_bytes;

    if (map->format != HANDOFF_MAP_EFI) {
        memcpy(&e820, at, E820_ENTRY_BYTES_MIN);
        return (struct explain_descriptor){ .index = index,
                                            .type = e820.type,
                                            .base = e820.base,
                                            .size_bytes = e820.size_bytes,
                                            .name = e820_type_name(e820.type) };
    }
    memcpy(&efi, at, sizeof(efi));
    if (!checked_mul(efi.page_count, PAGE_SIZE, &size_bytes))
        size_bytes = UINT64_MAX;
    return (struct explain_descriptor){ .index = index,
                                        .type = efi.type,
                                        .base = efi.physical_start,
                                        .size_bytes = size_bytes,
                                        .attribute = efi.attribute,
                                        .name = efi_memory_type_name(efi.type) };
}

static void find_descriptors(const struct handoff_firmware_map *map,
                             struct explanation *explanation)
{
    uint64_t address = pa_value(explanation->physical);

    if (map == NULL)
        return;
    explanation->uefi = map->format == HANDOFF_MAP_EFI;
    explanation->firmware_count = map->map_bytes / map->descriptor_bytes;
    for (uint32_t i = 0; i < explanation->firmware_count; i++) {
        struct explain_descriptor descriptor = read_descriptor(map, i);

        if (address - descriptor.base >= descriptor.size_bytes || address < descriptor.base)
            continue;
        if (explanation->descriptor_count < EXPLAIN_DESCRIPTORS_MOST)
            explanation->descriptors[explanation->descriptor_count] = descriptor;
        explanation->descriptor_count++;
    }
}

/* --- what became of it ----------------------------------------------------------------------- */

/* Whether the change has to do with the page of the address: borders move by less than a page. */
static bool touches(const struct handoff_change *change, uint64_t page)
{
    if (change->base >= page)
        return change->base - page < PAGE_SIZE;
    return page - change->base < change->size_bytes;
}

static void find_region(const struct memmap *map, struct explanation *explanation)
{
    uint64_t page = pa_value(explanation->physical) & ~(uint64_t)PAGE_MASK;

    explanation->region = memmap_find(map, explanation->physical);
    explanation->changes_lost = map->changes_lost;
    for (size_t i = 0; i < map->change_count; i++) {
        if (!touches(&map->changes[i], page))
            continue;
        if (explanation->change_count < EXPLAIN_CHANGES_MOST)
            explanation->changes[explanation->change_count] = &map->changes[i];
        explanation->change_count++;
    }
}

/* --- the frame ------------------------------------------------------------------------------- */

static void count_block(struct explain_frame *frame)
{
    pfn_t first = pfn(pfn_value(frame->number) & ~(uintptr_t)(FRAMES_PER_BLOCK - 1));

    for (unsigned i = 0; i < FRAMES_PER_BLOCK; i++) {
        struct frame_info info;

        frame_describe(pfn_add(first, i), &info);
        frame->block_managed += info.managed;
        frame->block_free += info.managed && info.tag == FRAME_FREE;
    }
}

static void describe_frame(paddr_t address, struct explain_frame *frame)
{
    uint64_t value = pa_value(address);

    *frame = (struct explain_frame){
        .number = pa_to_pfn(address),
        .area = (unsigned)(value >> AREA_SHIFT),
        .block = (unsigned)(value >> BLOCK_SHIFT) & ((1u << (AREA_SHIFT - BLOCK_SHIFT)) - 1),
        .in_block = (unsigned)(value >> PAGE_SHIFT) & (FRAMES_PER_BLOCK - 1),
        .node = pmm_node_of(pa_to_pfn(address)),
        .site = frame_site(pa_to_pfn(address)),
    };
    frame_describe(frame->number, &frame->info);
    count_block(frame);
}

/* --- who maps it ----------------------------------------------------------------------------- */

/* A visit of all tables: first the places, page tables locked; then what lies there. */
struct search {
    struct explanation *explanation;
    unsigned space;
};

static bool add_mapping(void *context, const struct pt_mapping *run)
{
    struct search *search = context;
    struct explanation *explanation = search->explanation;
    uint64_t physical = pa_value(explanation->physical);
    uint64_t offset = physical - pa_value(run->target);

    if (physical < pa_value(run->target) || offset >= run->size_bytes)
        return true;
    if (explanation->mapping_count < EXPLAIN_MAPPINGS_MOST)
        explanation->mappings[explanation->mapping_count] =
            (struct explain_mapping){ .space = search->space,
                                      .address = va_add(run->address, (size_t)offset) };
    explanation->mapping_count++;
    return true;
}

static bool search_space(void *context, struct vm_space *space, unsigned number)
{
    struct explanation *explanation = context;
    struct search search = { .explanation = explanation, .space = number };
    unsigned first = explanation->mapping_count;

    vm_visit_mappings(space, add_mapping, &search);
    for (unsigned i = first; i < explanation->mapping_count && i < EXPLAIN_MAPPINGS_MOST; i++) {
        struct explain_mapping *mapping = &explanation->mappings[i];

        (void)pt_query(vm_space_table(space), mapping->address, &mapping->leaf);
        mapping->window = explain_window_name(mapping->address);
        mapping->has_area = vm_query(space, mapping->address, &mapping->area) == STATUS_OK;
    }
    return true;
}

/* --- the object ------------------------------------------------------------------------------ */

static bool find_object(vaddr_t address, struct explanation *explanation)
{
    explanation->object_address = address;
    explanation->has_object = heap_describe(va_ptr(address), &explanation->object) == STATUS_OK;
    explanation->has_history = heap_debug_find(va_ptr(address), &explanation->history) == STATUS_OK;
    return explanation->has_object || explanation->has_history;
}

static void find_mapped_object(struct explanation *explanation)
{
    for (unsigned i = 0; i < explanation->mapping_count && i < EXPLAIN_MAPPINGS_MOST; i++)
        if (find_object(explanation->mappings[i].address, explanation))
            return;
}

/* --- the chain ------------------------------------------------------------------------------- */

/* From the physical address on. */
static void follow(const struct handoff_view *machine, paddr_t address,
                   struct explanation *explanation)
{
    explanation->has_physical = true;
    explanation->physical = address;
    find_descriptors(machine->firmware_map, explanation);
    find_region(&machine->map, explanation);
    explanation->has_frame = pa_value(address) < machine->map.limit;
    if (explanation->has_frame)
        describe_frame(address, &explanation->frame);
    vm_visit_spaces(search_space, explanation);
}

void explain_physical(const struct handoff_view *machine, paddr_t address,
                      struct explanation *explanation)
{
    *explanation = (struct explanation){ .kind = EXPLAIN_PHYSICAL, .address = pa_value(address) };
    follow(machine, address, explanation);
    find_mapped_object(explanation);
}

static void walk(struct vm_space *space, vaddr_t address, struct explanation *explanation)
{
    const struct page_table *table = vm_space_table(space);

    explanation->space = vm_space_number(space);
    explanation->format = pt_format_name(table->format);
    explanation->canonical = pt_canonical(table->format, address);
    explanation->step_count = pt_explain(table, address, explanation->steps);
    explanation->mapped = pt_query(table, address, &explanation->leaf) == STATUS_OK;
}

void explain_virtual(const struct handoff_view *machine, vaddr_t address,
                     struct explanation *explanation)
{
    struct vm_space *space =
        va_value(address) < LAYOUT_KERNEL_HALF ? vm_space_current() : vm_kernel();

    *explanation = (struct explanation){ .kind = EXPLAIN_VIRTUAL, .address = va_value(address) };
    explanation->window = explain_window_name(address);
    explanation->guarded_stack = kstack_guard_owner(address);
    explanation->has_area = vm_query(space, address, &explanation->area) == STATUS_OK;
    walk(space, address, explanation);
    if (explanation->mapped) {
        uint64_t offset = va_value(address) - va_value(explanation->leaf.address);

        follow(machine, pa_add(explanation->leaf.target, offset), explanation);
    }
    (void)find_object(address, explanation);
}
