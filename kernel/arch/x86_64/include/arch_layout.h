/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_layout.h - the kernel's half of the address space on x86-64.
 *
 *   0xFFFF_FFFF_FFFF_FFFF  +--------------------------------+
 *                          |  nothing                  1 GiB |
 *   0xFFFF_FFFF_C000_0000  +--------------------------------+
 *                          |  kernel image, which slides     |  text r-x, constants r--,
 *                          |  within                   1 GiB |  data rw-
 *   0xFFFF_FFFF_8000_0000  +--------------------------------+
 *                          |  nothing                        |
 *   0xFFFF_F080_0000_0000  +--------------------------------+
 *                          |  kernel stacks          512 GiB |  rw-, guard | stack | guard
 *   0xFFFF_F000_0000_0000  +--------------------------------+
 *                          |  nothing                        |
 *   0xFFFF_E400_0000_0000  +--------------------------------+
 *                          |  heap                     4 TiB |  rw-, backed as it grows
 *   0xFFFF_E000_0000_0000  +--------------------------------+
 *                          |  nothing                        |
 *   0xFFFF_D400_0000_0000  +--------------------------------+
 *                          |  mapped areas: devices,         |  rw-, of every memory type
 *                          |  framebuffer, vm_alloc()  4 TiB |
 *   0xFFFF_D000_0000_0000  +--------------------------------+
 *                          |  nothing; with KASAN=1 a byte   |  rw-, of the direct map, the heap
 *                          |  for 8 of the half       16 TiB |  and the image
 *   0xFFFF_C000_0000_0000  +--------------------------------+
 *                          |  direct map of RAM, which       |  rw-; r-- where the image's text
 *                          |  slides within           64 TiB |  and constants lie
 *   0xFFFF_8000_0000_0000  +--------------------------------+
 *                          |  not canonical with 4 levels;   |
 *                          |  user space with 5 ends higher  |
 *   0x0000_8000_0000_0000  +--------------------------------+
 *                          |  user space             128 TiB |  64 PiB with 5 levels
 *   0x0000_0000_0001_0000  +--------------------------------+
 *                          |  never mapped            64 KiB |  null pointers and small offsets
 *   0x0000_0000_0000_0000  +--------------------------------+
 *
 * The kernel's half is the same with 4 and with 5 levels: with 5 it lies below one entry of the
 * root, which all spaces share. Code reaches the image with signed 32-bit displacements, which is
 * why it lies within the last 2 GiB. Every window starts at a multiple of 512 GiB, what one entry of a
 * 4-level root spans, so that no two windows share such an entry.
 * Canonical addresses: Intel SDM vol. 1, 3.3.7.1.
 */
#ifndef MERIDIAN_X86_64_ARCH_LAYOUT_H
#define MERIDIAN_X86_64_ARCH_LAYOUT_H

#define LAYOUT_USER_START       ((uintptr_t)0x0000000000010000)
#define LAYOUT_KERNEL_HALF      ((uintptr_t)0xffff800000000000)
#define LAYOUT_KERNEL_END       (LAYOUT_IMAGE_START + LAYOUT_IMAGE_BYTES)

#define LAYOUT_DIRECT_MAP_START ((uintptr_t)0xffff800000000000)
#define LAYOUT_DIRECT_MAP_BYTES ((uintptr_t)(64 * TiB))

#define LAYOUT_TEMPORARY_START  ((uintptr_t)0) /* all RAM is in the direct map */
#define LAYOUT_TEMPORARY_BYTES  ((uintptr_t)0)

#define LAYOUT_SHADOW_START     ((uintptr_t)0xffffc00000000000)
#define LAYOUT_SHADOW_BYTES     ((uintptr_t)(16 * TiB))

#define LAYOUT_AREAS_START      ((uintptr_t)0xffffd00000000000)
#define LAYOUT_AREAS_BYTES      ((uintptr_t)(4 * TiB))

#define LAYOUT_HEAP_START       ((uintptr_t)0xffffe00000000000)
#define LAYOUT_HEAP_BYTES       ((uintptr_t)(4 * TiB))

#define LAYOUT_STACKS_START     ((uintptr_t)0xfffff00000000000)
#define LAYOUT_STACKS_BYTES     ((uintptr_t)(512 * GiB))

#define LAYOUT_IMAGE_START      ((uintptr_t)0xffffffff80000000)
#define LAYOUT_IMAGE_BYTES      ((uintptr_t)(1 * GiB))

static_assert(LAYOUT_DIRECT_MAP_START + LAYOUT_DIRECT_MAP_BYTES <= LAYOUT_SHADOW_START, "as drawn");
static_assert(LAYOUT_SHADOW_START + LAYOUT_SHADOW_BYTES <= LAYOUT_AREAS_START, "as drawn");
static_assert((0 - LAYOUT_KERNEL_HALF) / 8 == LAYOUT_SHADOW_BYTES,
              "it has room for the whole half");
static_assert(LAYOUT_AREAS_START + LAYOUT_AREAS_BYTES <= LAYOUT_HEAP_START, "as drawn");
static_assert(LAYOUT_HEAP_START + LAYOUT_HEAP_BYTES <= LAYOUT_STACKS_START, "as drawn");
static_assert(LAYOUT_STACKS_START + LAYOUT_STACKS_BYTES <= LAYOUT_IMAGE_START, "as drawn");

#endif
