/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_stats.c - what the heap holds: totals, classes, one object; and whether it all adds up.
 *
 * Nothing is counted twice on the fast path. Live objects of a class are what its slabs have room
 * for, less what is free in slabs, depot and magazines; frees are allocations less live objects; bytes
 * without a tag are live bytes less those with one. Figures taken while other processors work are
 * off by what happens meanwhile.
 */
#include "heap_debug_private.h"
#include "heap_private.h"
#include "heap_report.h"
#include "heap_runs.h"
#include "heap_site.h"
#include "heap_small.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "slab.h"

/* --- classes ------------------------------------------------------------------------------ */

struct class_sums {
    uint64_t cached; /* free, in magazines */
    uint64_t allocations;
};

static struct class_sums sum_magazines(unsigned class_index)
{
    struct class_sums sums = { 0 };

    for (unsigned id = 0; id < CONFIG_MAX_CPUS; id++) {
        const struct heap_cpu *cpu = __atomic_load_n(&heap_cpu_own[id], __ATOMIC_ACQUIRE);

        sums.cached += heap_magazine_count(&cpu->magazines[class_index]);
        sums.allocations +=
            __atomic_load_n(&cpu->magazines[class_index].allocations, __ATOMIC_RELAXED);
    }
    return sums;
}

uint64_t heap_count_cached(unsigned id)
{
    const struct heap_cpu *cpu;
    uint64_t count = 0;

    if (id >= CONFIG_MAX_CPUS)
        return 0;
    cpu = __atomic_load_n(&heap_cpu_own[id], __ATOMIC_ACQUIRE);
    for (unsigned index = HEAP_CLASS_FIRST; cpu != NULL && index <= HEAP_CLASS_LAST; index++)
        count += heap_magazine_count(&cpu->magazines[index]);
    return count;
}

bool heap_get_class(unsigned index, struct heap_class_info *info)
{
    unsigned class_index = HEAP_CLASS_FIRST + index;
    struct slab_class_stats slabs;
    uint64_t objects, spare;

    if (index > HEAP_CLASS_LAST - HEAP_CLASS_FIRST)
        return false;
    slab_get_stats(class_index, &slabs);
    objects = (uint64_t)slabs.slabs * heap_shapes[class_index].count;
    spare = sum_magazines(class_index).cached + slabs.depot_objects + heap_debug_held(class_index);
    *info = (struct heap_class_info){
        .object_bytes = heap_shapes[class_index].object_bytes,
        .slabs = slabs.slabs,
        .objects = objects,
        .live = objects - slabs.free_objects - spare - slabs.inner_objects,
        .cached = spare,
        .inner = slabs.inner_objects,
    };
    return true;
}

/* --- totals ------------------------------------------------------------------------------- */

static size_t tag_bytes(enum heap_tag tag)
{
    size_t bytes = __atomic_load_n(&heap_counters.tag_bytes[tag], __ATOMIC_RELAXED);

    for (unsigned id = 0; id < CONFIG_MAX_CPUS; id++) {
        const struct heap_cpu *cpu = __atomic_load_n(&heap_cpu_own[id], __ATOMIC_ACQUIRE);

        bytes += __atomic_load_n(&cpu->tag_bytes[tag], __ATOMIC_RELAXED);
    }
    return bytes;
}

static void add_classes(struct heap_stats *stats)
{
    struct heap_class_info info;

    for (unsigned index = 0; heap_get_class(index, &info); index++) {
        stats->live_objects += info.live;
        stats->live_bytes += (info.live + info.inner) * info.object_bytes;
        stats->slab_free_bytes += (info.objects - info.live - info.inner) * info.object_bytes;
        stats->allocations += sum_magazines(HEAP_CLASS_FIRST + index).allocations;
    }
}

static void add_tags(struct heap_stats *stats)
{
    stats->tag_bytes[HEAP_TAG_NONE] = stats->live_bytes;
    for (unsigned tag = HEAP_TAG_NONE + 1; tag < HEAP_TAG_COUNT; tag++) {
        stats->tag_bytes[tag] = tag_bytes((enum heap_tag)tag);
        stats->tag_bytes[HEAP_TAG_NONE] -= stats->tag_bytes[tag];
    }
}

void heap_get_stats(struct heap_stats *stats)
{
    struct heap_run_stats runs;
    size_t held = heap_debug_held(HEAP_NO_CLASS);
    size_t held_bytes = heap_debug_held_large_bytes();

    heap_runs_get_stats(&runs);
    *stats = (struct heap_stats){
        .live_objects = runs.large_objects - held,
        .live_bytes = ((uint64_t)runs.large_pages << PAGE_SHIFT) - held_bytes,
        .metadata_bytes = (uint64_t)heap_window.metadata_pages << PAGE_SHIFT,
        .cached_bytes = ((uint64_t)runs.cached_pages << PAGE_SHIFT) + held_bytes,
        .window_bytes = heap_window.window_bytes,
        .allocations = runs.large_allocations + heap_counters.slow_allocations,
        .failures = heap_counters.failures,
        .bad_frees = heap_bad_frees(),
        .large_objects = runs.large_objects - held,
    };
    stats->mapped_bytes =
        stats->metadata_bytes + ((uint64_t)(runs.used_pages + runs.cached_pages) << PAGE_SHIFT);
    add_classes(stats);
    add_tags(stats);
    stats->frees = stats->allocations - stats->live_objects;
}

const char *heap_tag_name(enum heap_tag tag)
{
    switch (tag) {
    case HEAP_TAG_NONE:
        return "none";
    case HEAP_TAG_VMM:
        return "vmm";
    case HEAP_TAG_MONITOR:
        return "monitor";
    case HEAP_TAG_BOOT:
        return "boot";
    case HEAP_TAG_DRIVER:
        return "driver";
    case HEAP_TAG_USER:
        return "user";
    case HEAP_TAG_TEST:
        return "test";
    case HEAP_TAG_COUNT:
        break;
    }
    return "?";
}

/* --- one object --------------------------------------------------------------------------- */

static void describe_small(uintptr_t address, unsigned entry, struct heap_object_info *info)
{
    unsigned class_index = heap_entry_class(entry);
    size_t object_bytes = heap_shapes[class_index].object_bytes;
    uintptr_t start = address - heap_entry_offset(entry, address) % object_bytes;
    unsigned state = heap_state_read(heap_state_of(&heap_shapes[class_index], start));

    if (heap_state_is_inner(state)) {
        start = heap_span_start(class_index, start);
        state = heap_state_read(heap_state_of(&heap_shapes[class_index], start));
    }
    if (state >= HEAP_STATE_LIVE && (state & HEAP_STATE_SPAN) != 0)
        object_bytes *= heap_span_count(class_index, start);
    *info = (struct heap_object_info){
        .start = va_ptr(va(start)),
        .size_bytes = object_bytes,
        .live = state >= HEAP_STATE_LIVE,
        .tag = (enum heap_tag)(state & HEAP_STATE_TAG),
        .class_index = class_index - HEAP_CLASS_FIRST,
        .alloc_near = heap_site_place(&heap_shapes[class_index], start),
    };
}

/* Looks for the head of the run that `address` is in. O(pages of the run), for reports only. */
static enum status describe_large(uintptr_t address, struct heap_object_info *info)
{
    uint32_t page = heap_page_number(address);
    const struct heap_page *head;
    uintptr_t start;

    while (page > 0 && (heap_window.pages[page].kind == HEAP_PAGE_INNER ||
                        heap_window.pages[page].kind == HEAP_PAGE_INSIDE))
        page--;
    head = &heap_window.pages[page];
    if (page == 0 || head->kind != HEAP_PAGE_LARGE)
        return STATUS_NOT_FOUND;
    start = heap_page_address(page) + head->lead_bytes;
    if (address - start >= heap_large_usable(head))
        return STATUS_NOT_FOUND;
    *info = (struct heap_object_info){
        .start = va_ptr(va(start)),
        .size_bytes = heap_large_usable(head),
        .live = true,
        .tag = (enum heap_tag)head->tag,
        .class_index = UINT32_MAX,
        .alloc_near = head->alloc_site,
    };
    return STATUS_OK;
}

enum status heap_describe(const void *address, struct heap_object_info *info)
{
    unsigned entry;

    if (!heap_window_open((uintptr_t)address))
        return STATUS_NOT_FOUND;
    if (heap_debug_on && heap_debug_describe(address, info))
        return STATUS_OK;
    entry =
        __atomic_load_n(&heap_window.map[heap_page_number((uintptr_t)address)], __ATOMIC_RELAXED);
    if (entry == HEAP_NO_CLASS)
        return describe_large((uintptr_t)address, info);
    describe_small((uintptr_t)address, entry, info);
    return STATUS_OK;
}

/* --- does it add up? ----------------------------------------------------------------------- */

static bool visit_run(void *context, uint32_t first)
{
    return heap_window.pages[first].kind != HEAP_PAGE_SLAB || slab_check(first, context);
}

/* Every object of a class is free in its slab, waits in a cache, or is live; none is in two places. */
static bool class_agrees(unsigned class_index, const struct slab_sums *sums)
{
    struct slab_class_stats slabs;
    struct heap_class_info info;

    slab_get_stats(class_index, &slabs);
    (void)heap_get_class(class_index - HEAP_CLASS_FIRST, &info);
    if (sums->slabs == slabs.slabs && sums->free_objects == slabs.free_objects &&
        sums->live_objects == info.live)
        return true;
    log_error("heap: class of %zu bytes: %zu slabs, %zu free and %zu live objects found; counted "
              "were %zu, %zu, %zu",
              info.object_bytes, sums->slabs, sums->free_objects, sums->live_objects, slabs.slabs,
              slabs.free_objects, (size_t)info.live);
    return false;
}

enum status heap_check(void)
{
    struct slab_sums sums[HEAP_CLASS_END] = { 0 };
    enum status status = heap_runs_check(visit_run, sums);

    if (status != STATUS_OK)
        return status;
    for (unsigned i = HEAP_CLASS_FIRST; i < HEAP_CLASS_END; i++) {
        if (!class_agrees(i, &sums[i]))
            return STATUS_CORRUPT;
    }
    return heap_debug_check() == 0 ? STATUS_OK : STATUS_CORRUPT;
}
