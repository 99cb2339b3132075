/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_site.c - where each frame was allocated last: for debugging, and only when it is asked for.
 *
 * A site is the address that an allocation returns to, kept as its distance from the allocator's own
 * state in 32 bits; kernel and state lie within 2 GiB. One table of 1 MiB an area with memory, and a
 * directory of them, are taken and cleared when recording starts: 0.1 % of memory, and of a machine
 * that does not record, nothing.
 *
 * The fast paths know nothing of this. While sites are recorded the cache of each processor stays busy,
 * and has no home: every request takes the slow path, which notes it, and freed frames go straight
 * to their areas.
 */
#include "pmm_private.h"

#include "arch/mmu.h"

#define TABLE_BYTES (AREA_FRAMES * sizeof(int32_t)) /* of an area */

static int32_t **directory; /* by area; NULL where nothing is recorded */

bool pmm_sites_on;

static uint64_t frames_of(uint64_t bytes)
{
    return (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/* Memory of the direct map for tables, cleared; NULL if there is none. */
static void *take_table(uint64_t bytes)
{
    struct pmm_request request = { .count_frames = frames_of(bytes),
                                   .below = arch_direct_end(),
                                   .tag = FRAME_KERNEL,
                                   .flags = PMM_ZERO };
    pfn_t first;

    if (pmm_alloc_run(&request, &first) != STATUS_OK)
        return NULL;
    return arch_phys_ptr(pfn_to_pa(first));
}

static void put_table(const void *table, uint64_t bytes)
{
    if (table != NULL)
        (void)pmm_free_run(pa_to_pfn(arch_ptr_phys(table)), frames_of(bytes));
}

static uint64_t directory_bytes(void)
{
    return pmm_state.area_count * sizeof(*directory);
}

static enum status take_tables(void)
{
    directory = take_table(directory_bytes());
    if (directory == NULL)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < pmm_state.span_count; i++) {
        const struct pmm_span *span = &pmm_state.spans[i];

        for (uintptr_t area = span->first_area; area <= span->last_area; area++) {
            directory[area] = take_table(TABLE_BYTES);
            if (directory[area] == NULL)
                return STATUS_NO_MEMORY;
        }
    }
    return STATUS_OK;
}

static void put_tables(void)
{
    for (uintptr_t area = 0; directory != NULL && area < pmm_state.area_count; area++)
        put_table(directory[area], TABLE_BYTES);
    put_table(directory, directory_bytes());
}

enum status pmm_record_sites(void)
{
    enum status status;

    if (pmm_state.general_frames == 0)
        return STATUS_INVALID;
    if (pmm_sites_on)
        return STATUS_EXISTS;
    status = take_tables();
    if (status != STATUS_OK) {
        put_tables();
        return status;
    }
    pmm_drain();
    pmm_leave_home();
    pmm_sites_on = true;
    cpu_set_busy(pmm_state.cpus[arch_cpu_id()]);
    return STATUS_OK;
}

void pmm_note_sites(uintptr_t first, uintptr_t count, const void *site)
{
    for (uintptr_t frame = first; frame < first + count; frame++) {
        int32_t *table = frame < pmm_frames_end() ? directory[frame >> AREA_ORDER] : NULL;

        if (table != NULL)
            __atomic_store_n(&table[area_place(frame)],
                             (int32_t)((intptr_t)site - (intptr_t)&pmm_state), __ATOMIC_RELAXED);
    }
}

const void *frame_site(pfn_t frame)
{
    uintptr_t number = pfn_value(frame);
    int32_t *table;
    int32_t distance;

    if (!pmm_sites_on || number >= pmm_frames_end())
        return NULL;
    table = directory[number >> AREA_ORDER];
    distance = table != NULL ? __atomic_load_n(&table[area_place(number)], __ATOMIC_RELAXED) : 0;
    return distance != 0 ? (const void *)((intptr_t)&pmm_state + distance) : NULL;
}
