/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_layout.h - the kernel's quarter of the address space on i386, the same for both formats.
 *
 *   0x1_0000_0000  +---------------------------------+
 *                  |  the page directory as a table  |  2 levels: 4 MiB from 0xFFC0_0000;
 *                  |  of its own                     |  PAE: 8 MiB from 0xFF80_0000
 *     0xFF80_0000  +---------------------------------+
 *                  |  kernel stacks            4 MiB |  rw-, guard | stack | guard
 *     0xFF40_0000  +---------------------------------+
 *                  |  nothing                  4 MiB |
 *     0xFF00_0000  +---------------------------------+
 *                  |  heap                   224 MiB |  rw-, backed as it grows
 *     0xF100_0000  +---------------------------------+
 *                  |  mapped areas: devices,         |  rw-, of every memory type
 *                  |  framebuffer, vm_alloc() 12 MiB |
 *     0xF040_0000  +---------------------------------+
 *                  |  temporary mappings       4 MiB |  rw-, single frames, of this moment
 *     0xF000_0000  +---------------------------------+
 *                  |  direct map of low memory       |  rw-
 *     0xC040_0000  |                         768 MiB |
 *                  |  its first 4 MiB, with the      |  kernel image from 1 MiB on: text r-x,
 *                  |  kernel image                   |  constants r--, data rw-
 *     0xC000_0000  +---------------------------------+
 *                  |  user space           3 GiB     |
 *     0x0001_0000  +---------------------------------+
 *                  |  never mapped            64 KiB |  null pointers and small offsets
 *     0x0000_0000  +---------------------------------+
 *
 * Memory beyond the direct map is reached frame by frame, through temporary mappings
 * (arch_frame_map()). Their entries are written through the directory's reference to itself: an
 * entry of the directory that names the directory makes all tables appear as one array.
 */
#ifndef MERIDIAN_I386_ARCH_LAYOUT_H
#define MERIDIAN_I386_ARCH_LAYOUT_H

#define LAYOUT_USER_START       ((uintptr_t)0x00010000)
#define LAYOUT_KERNEL_HALF      ((uintptr_t)0xc0000000)
#define LAYOUT_KERNEL_END       ((uintptr_t)0xff800000)

#define LAYOUT_DIRECT_MAP_START ((uintptr_t)0xc0000000)
#define LAYOUT_DIRECT_MAP_BYTES ((uintptr_t)(768 * MiB))

#define LAYOUT_IMAGE_START      ((uintptr_t)0xc0000000)
#define LAYOUT_IMAGE_BYTES      ((uintptr_t)(4 * MiB))

#define LAYOUT_TEMPORARY_START  ((uintptr_t)0xf0000000)
#define LAYOUT_TEMPORARY_BYTES  ((uintptr_t)(4 * MiB))

#define LAYOUT_AREAS_START      ((uintptr_t)0xf0400000)
#define LAYOUT_AREAS_BYTES      ((uintptr_t)(12 * MiB))

#define LAYOUT_SHADOW_START     ((uintptr_t)0) /* there is no room for one: see diag/kasan.h */
#define LAYOUT_SHADOW_BYTES     ((uintptr_t)0)

#define LAYOUT_HEAP_START       ((uintptr_t)0xf1000000)
#define LAYOUT_HEAP_BYTES       ((uintptr_t)(224 * MiB))

#define LAYOUT_STACKS_START     ((uintptr_t)0xff400000)
#define LAYOUT_STACKS_BYTES     ((uintptr_t)(4 * MiB))

static_assert(LAYOUT_DIRECT_MAP_START + LAYOUT_DIRECT_MAP_BYTES <= LAYOUT_TEMPORARY_START, "drawn");
static_assert(LAYOUT_TEMPORARY_START + LAYOUT_TEMPORARY_BYTES <= LAYOUT_AREAS_START, "as drawn");
static_assert(LAYOUT_AREAS_START + LAYOUT_AREAS_BYTES <= LAYOUT_HEAP_START, "as drawn");
static_assert(LAYOUT_HEAP_START + LAYOUT_HEAP_BYTES <= LAYOUT_STACKS_START, "as drawn");
static_assert(LAYOUT_STACKS_START + LAYOUT_STACKS_BYTES <= LAYOUT_KERNEL_END, "as drawn");

#endif
