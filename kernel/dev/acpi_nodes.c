/* SPDX-License-Identifier: BSD-2-Clause
 *
 * acpi_nodes.c - from SRAT and SLIT to the memory manager's nodes.
 *
 * The SRAT is read twice: for the domains that it names, which are sorted and so get their numbers,
 * then for the ranges. A domain of processors without memory is a node, too: who is on it wants the
 * nearest memory. Ranges are made of whole frames, inwards. Without a good SLIT all other nodes are
 * equally far.
 */
#include "dev/numa.h"

#include "arch/cpu.h"
#include "lib/log.h"
#include "mm/pmm_node.h"

static struct {
    uint32_t domains[PMM_NODES_MAX]; /* ascending; the place is the node */
    unsigned count;
    struct pmm_node_range ranges[PMM_NODE_RANGES_MAX];
    size_t range_count;
} found;

/* --- domains ----------------------------------------------------------------------------- */

/* The first node whose domain is not below `domain`. */
static unsigned place_of(uint32_t domain)
{
    unsigned node = 0;

    while (node < found.count && found.domains[node] < domain)
        node++;
    return node;
}

static bool is_known(uint32_t domain)
{
    unsigned node = place_of(domain);

    return node < found.count && found.domains[node] == domain;
}

static enum status note_domain(uint32_t domain)
{
    unsigned node = place_of(domain);

    if (is_known(domain))
        return STATUS_OK;
    if (found.count == PMM_NODES_MAX)
        return STATUS_NO_SPACE;
    for (unsigned i = found.count; i > node; i--)
        found.domains[i] = found.domains[i - 1];
    found.domains[node] = domain;
    found.count++;
    return STATUS_OK;
}

/* --- ranges ------------------------------------------------------------------------------ */

static enum status note_range(const struct acpi_affinity *row)
{
    uint64_t first = (row->base >> PAGE_SHIFT) + ((row->base & (PAGE_SIZE - 1)) != 0);
    uint64_t end = (row->base + row->size_bytes) >> PAGE_SHIFT;
    unsigned node = place_of(row->domain);

    if (first >= end || end > UINTPTR_MAX)
        return STATUS_OK; /* less than a frame, or out of a 32-bit kernel's sight */
    if (found.range_count == PMM_NODE_RANGES_MAX)
        return STATUS_NO_SPACE;
    found.ranges[found.range_count++] = (struct pmm_node_range){ .first = pfn((uintptr_t)first),
                                                                 .count_frames = end - first,
                                                                 .node = node };
    log_info("ACPI: SRAT: Node %u PXM %u [mem 0x%016llx-0x%016llx]%s", node, row->domain,
             (unsigned long long)row->base, (unsigned long long)(row->base + row->size_bytes - 1),
             row->hot_pluggable ? " hotplug" : "");
    return STATUS_OK;
}

/* What is told to the PMM. */
static bool is_general(const struct acpi_affinity *row)
{
    return row->kind == ACPI_AFFINITY_MEMORY && !row->non_volatile;
}

static enum status read_srat(const struct acpi_cursor *start)
{
    struct acpi_cursor cursor = *start;
    struct acpi_affinity row;
    enum status status = STATUS_OK;

    found.count = 0;
    found.range_count = 0;
    while (status == STATUS_OK && acpi_srat_next(&cursor, &row))
        if (is_general(&row) || row.kind == ACPI_AFFINITY_PROCESSOR)
            status = note_domain(row.domain);
    cursor = *start;
    while (status == STATUS_OK && found.count > 1 && acpi_srat_next(&cursor, &row))
        if (is_general(&row))
            status = note_range(&row);
    return status;
}

/* --- distances --------------------------------------------------------------------------- */

/* What the table of distances says; without one `context` is NULL. */
static uint8_t distance(void *context, unsigned from, unsigned to)
{
    if (context == NULL)
        return from == to ? ACPI_DISTANCE_LOCAL : ACPI_DISTANCE_REMOTE;
    return (uint8_t)acpi_slit_distance(context, found.domains[from], found.domains[to]);
}

/* --- interface --------------------------------------------------------------------------- */

enum status numa_start(const struct acpi_root *root, uint32_t apic_id)
{
    struct acpi_distances slit;
    struct acpi_cursor cursor;
    struct pmm_topology topology = { .ranges = found.ranges, .distance = distance };
    unsigned node;
    enum status status = acpi_srat_open(root, &cursor);

    if (status == STATUS_OK)
        status = read_srat(&cursor);
    if (status == STATUS_OK && found.count < 2)
        status = STATUS_NOT_FOUND;
    if (status != STATUS_OK)
        return status;
    topology.node_count = found.count;
    topology.range_count = found.range_count;
    topology.context = acpi_slit_open(root, &slit) == STATUS_OK ? &slit : NULL;
    status = pmm_set_nodes(&topology);
    if (status != STATUS_OK || numa_node_of_processor(root, apic_id, &node) != STATUS_OK)
        return status;
    return pmm_set_cpu_node(arch_cpu_id(), node);
}

enum status numa_node_of_processor(const struct acpi_root *root, uint32_t apic_id, unsigned *node)
{
    struct acpi_cursor cursor;
    struct acpi_affinity row;
    enum status status = acpi_srat_open(root, &cursor);

    if (status != STATUS_OK)
        return status;
    while (acpi_srat_next(&cursor, &row)) {
        if (row.kind == ACPI_AFFINITY_PROCESSOR && row.apic_id == apic_id && is_known(row.domain)) {
            *node = place_of(row.domain);
            return STATUS_OK;
        }
    }
    return STATUS_NOT_FOUND;
}
