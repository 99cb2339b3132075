/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fail_alloc.c - which request fails, and who made it. fail_alloc.h has the contract.
 *
 * Counts are the armed processor's alone, and plain: an interrupt that allocates in between may be counted
 * into the wrong place, never written beyond the table. The walk over the sites is linear; nobody who
 * arms this is in a hurry.
 */
#include "mm/fail_alloc.h"

#include "fail_alloc_private.h"

#include "arch/cpu.h"

bool fail_alloc_on;

static struct {
    unsigned cpu;
    uint64_t first;
    uint64_t count;
    uint64_t calls;
    uint64_t failures;
    unsigned site_count;
    struct fail_alloc_site sites[FAIL_ALLOC_SITES];
} state;

void fail_alloc_arm(uint64_t first, uint64_t count)
{
    state.cpu = arch_cpu_id();
    state.first = first;
    state.count = count;
    state.calls = 0;
    state.failures = 0;
    fail_alloc_on = true;
}

static struct fail_alloc_site *find_site(const void *place)
{
    for (unsigned i = 0; i < state.site_count; i++)
        if (state.sites[i].place == place)
            return &state.sites[i];
    if (state.site_count == FAIL_ALLOC_SITES)
        return NULL;
    state.sites[state.site_count].place = place;
    return &state.sites[state.site_count++];
}

bool fail_alloc_hits(const void *site)
{
    struct fail_alloc_site *known;
    bool fails;

    if (arch_cpu_id() != state.cpu)
        return false;
    state.calls++;
    fails =
        state.first != 0 && state.calls >= state.first && state.calls - state.first < state.count;
    state.failures += fails;
    known = find_site(site);
    if (known != NULL) {
        known->calls++;
        known->failures += fails;
    }
    return fails;
}

uint64_t fail_alloc_calls(void)
{
    return state.calls;
}

uint64_t fail_alloc_failures(void)
{
    return state.failures;
}

bool fail_alloc_get_site(unsigned index, struct fail_alloc_site *site)
{
    if (index >= state.site_count)
        return false;
    *site = state.sites[index];
    return true;
}
