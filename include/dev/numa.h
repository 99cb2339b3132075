/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dev/numa.h - the nodes of memory that ACPI tells of, for the memory manager.
 *
 * SRAT says which memory and which processors belong to which domain, SLIT how far domains are from
 * each other. Domains are the firmware's numbers; nodes are 0, 1, 2 ... in the domains' order.
 * Early, one processor. Source: ACPI 6.5, 5.2.16 and 5.2.17.
 */
#ifndef MERIDIAN_DEV_NUMA_H
#define MERIDIAN_DEV_NUMA_H

#include "dev/acpi.h"

/* Tells pmm_set_nodes() about all nodes, and that the calling processor, with this APIC number, is on
 * its own. Lasting memory counts for nothing. STATUS_NOT_FOUND: there is no SRAT, or it names a
 * single domain; STATUS_NO_SPACE: more nodes or ranges than the PMM keeps; else what is wrong with
 * the SRAT, or what pmm_set_nodes() says. The machine is one node then. */
enum status numa_start(const struct acpi_root *root, uint32_t apic_id);

/* The node of the processor with this APIC number; after numa_start(). STATUS_NOT_FOUND. */
enum status numa_node_of_processor(const struct acpi_root *root, uint32_t apic_id, unsigned *node);

#endif
