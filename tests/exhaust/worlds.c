/* SPDX-License-Identifier: BSD-2-Clause
 *
 * worlds.c - what build/worlds/memory tries.
 */
#include "exhaust.h"

const struct exhaust_world exhaust_worlds[] = {
    { "UEFI maps of up to 3 descriptors", exhaust_efi_maps },
    { "E820 maps of up to 3 entries", exhaust_e820_maps },
    { "7 operations of the frame allocator", exhaust_frames },
    { "5 operations of the tree of areas", exhaust_areas },
    { NULL, NULL },
};
