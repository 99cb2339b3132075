/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/pmm_node.h - memory that is near to some processors and far from others.
 *
 * A node is a set of areas of 1 GiB. An area that holds memory of several nodes belongs to the one that has
 * most of it, the lowest among equals; areas that no range touches belong to the node before them. A
 * machine that nobody describes is one node, number 0.
 *
 * Who allocates without a wish gets memory of its processor's node, then of the others in the order of
 * their distance, the lower number first among equals; nodes at PMM_DISTANCE_NONE never. The first
 * 16 MiB are spared on all nodes before they are used on any. PMM_THIS_NODE asks for one node alone.
 * Only a run that no single hole of an order serves is taken wherever it lies.
 */
#ifndef MERIDIAN_MM_PMM_NODE_H
#define MERIDIAN_MM_PMM_NODE_H

#include "lib/status.h"
#include "lib/types.h"

#define PMM_NODES_MAX       64u
#define PMM_NODE_RANGES_MAX 128u
#define PMM_DISTANCE_LOCAL  10u
#define PMM_DISTANCE_NONE   255u /* cannot be reached */

struct pmm_node_range {
    pfn_t first;
    uint64_t count_frames; /* what lies beyond the PMM's memory counts for nothing */
    unsigned node;
};

struct pmm_topology {
    unsigned node_count; /* 1 to PMM_NODES_MAX; a node may have no memory */
    const struct pmm_node_range *ranges;
    size_t range_count; /* at most PMM_NODE_RANGES_MAX */
    /* How far `to` is from a processor of `from`; a node is always nearest to itself. */
    uint8_t (*distance)(void *context, unsigned from, unsigned to);
    void *context;
};

/* Tells the PMM its nodes; every processor is on node 0 then. Once, after pmm_init(), early, one
 * processor; nothing is kept of `topology`. STATUS_EXISTS the second time; STATUS_BUSY after
 * pmm_add() or pmm_reserve() changed what is managed; STATUS_INVALID: a number out of range.
 * Nothing has changed then. */
enum status pmm_set_nodes(const struct pmm_topology *topology);

/* From now on the processor takes from this node first. On that processor, or before it runs.
 * STATUS_INVALID: no such processor or node. */
enum status pmm_set_cpu_node(unsigned cpu, unsigned node);

/* At least 1. Any context. */
unsigned pmm_count_nodes(void);

/* The node that the frame's area belongs to; 0 for what is beyond all memory. Any context. */
unsigned pmm_node_of(pfn_t frame);

/* The node of the calling processor. */
unsigned pmm_node_here(void);

/* As the topology has it; PMM_DISTANCE_LOCAL from a node to itself. Both nodes must exist. */
unsigned pmm_node_distance(unsigned from, unsigned to);

/* Over all nodes, managed frames add up to all that are managed, and free ones to all that are free
 * but for those that wait in magazines. */
struct pmm_node_stats {
    uint64_t managed_frames;
    uint64_t free_frames; /* in the node's areas */
    uint64_t free_2m_blocks;
};

/* O(areas of the node). STATUS_INVALID: no such node. */
enum status pmm_get_node_stats(unsigned node, struct pmm_node_stats *stats);

#endif
