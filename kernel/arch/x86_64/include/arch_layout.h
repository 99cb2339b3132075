/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_layout.h - the kernel's half of the address space on x86-64.
 *
 *   0xFFFF_8000_0000_0000   +--------------------------+ LAYOUT_DIRECT_MAP_START
 *                           | direct map of RAM        | 64 TiB: RW, no execute; slides
 *   0xFFFF_C000_0000_0000   +--------------------------+ LAYOUT_FRAMES_START
 *                           | records of frames        | 16 TiB, backed on touch
 *   0xFFFF_D000_0000_0000   +--------------------------+ LAYOUT_AREAS_START
 *                           | mapped areas             | 16 TiB: devices, framebuffer, vm_alloc()
 *   0xFFFF_E000_0000_0000   +--------------------------+ LAYOUT_HEAP_START
 *                           | heap window              | 16 TiB
 *   0xFFFF_F000_0000_0000   +--------------------------+ LAYOUT_STACKS_START
 *                           | kernel stacks            | 8 TiB: guard, stack, guard, ...
 *   0xFFFF_F800_0000_0000   +--------------------------+
 *                           | unused                   |
 *   0xFFFF_FFFF_8000_0000   +--------------------------+ LAYOUT_IMAGE_START
 *                           | kernel image             | 1 GiB to slide in
 *   0xFFFF_FFFF_C000_0000   +--------------------------+
 *
 * With 5-level tables the same addresses hold: they are canonical in both (SDM vol. 1, 3.3.7.1),
 * and 128 TiB are enough for the kernel's half. Code reaches the image's symbols with 32-bit signed
 * displacements, which is why it lies within the last 2 GiB.
 */
#ifndef MERIDIAN_X86_64_ARCH_LAYOUT_H
#define MERIDIAN_X86_64_ARCH_LAYOUT_H

#define LAYOUT_KERNEL_HALF      0xFFFF800000000000u

#define LAYOUT_DIRECT_MAP_START 0xFFFF800000000000u
#define LAYOUT_DIRECT_MAP_BYTES (64 * TiB)

#define LAYOUT_FRAMES_START     0xFFFFC00000000000u
#define LAYOUT_FRAMES_BYTES     (16 * TiB)

#define LAYOUT_AREAS_START      0xFFFFD00000000000u
#define LAYOUT_AREAS_BYTES      (16 * TiB)

#define LAYOUT_HEAP_START       0xFFFFE00000000000u
#define LAYOUT_HEAP_BYTES       (16 * TiB)

#define LAYOUT_STACKS_START     0xFFFFF00000000000u
#define LAYOUT_STACKS_BYTES     (8 * TiB)

#define LAYOUT_IMAGE_START      0xFFFFFFFF80000000u
#define LAYOUT_IMAGE_BYTES      (1 * GiB)

static_assert(LAYOUT_DIRECT_MAP_START + LAYOUT_DIRECT_MAP_BYTES == LAYOUT_FRAMES_START,
              "the drawing above");
static_assert(LAYOUT_FRAMES_START + LAYOUT_FRAMES_BYTES == LAYOUT_AREAS_START, "the drawing above");
static_assert(LAYOUT_AREAS_START + LAYOUT_AREAS_BYTES == LAYOUT_HEAP_START, "the drawing above");
static_assert(LAYOUT_HEAP_START + LAYOUT_HEAP_BYTES == LAYOUT_STACKS_START, "the drawing above");
static_assert(LAYOUT_STACKS_START + LAYOUT_STACKS_BYTES <= LAYOUT_IMAGE_START, "the drawing above");

#endif
