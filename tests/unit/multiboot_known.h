/* SPDX-License-Identifier: BSD-2-Clause
 *
 * multiboot_known.h - the 32-bit kernel that tests pretend to start by Multiboot: where it lies, and what its
 * first instructions know of it before the loader's block is read.
 */
#ifndef MERIDIAN_MULTIBOOT_KNOWN_H
#define MERIDIAN_MULTIBOOT_KNOWN_H

#include "boot/handoff.h"

#define BLOCK_BASE   0x9000u /* of the information block */
#define KERNEL_BASE  0x100000u
#define KERNEL_BYTES 0x80000u
#define DIRECT_MAP   0xc0000000u

static const struct handoff multiboot_known = {
    .physical_bits = 52,
    .kernel_base = KERNEL_BASE,
    .kernel_bytes = KERNEL_BYTES,
    .kernel_va = DIRECT_MAP + KERNEL_BASE,
    .direct_map_va = DIRECT_MAP,
    .table_root = KERNEL_BASE + 0x1000,
    .table_levels = 2,
    .stack_base = KERNEL_BASE + 0x4000,
    .stack_bytes = 0x2000,
    .stack_va = DIRECT_MAP + KERNEL_BASE + 0x4000,
};

#endif
