/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/layout.h - where things lie in the kernel's half; the drawing and the constants are the
 * architecture's, in <arch_layout.h>, which the include path chooses.
 *
 *   LAYOUT_USER_START                       lowest address of a user space; nothing below, ever
 *   LAYOUT_KERNEL_HALF, LAYOUT_KERNEL_END   lowest kernel address; one past the last of an area
 *   LAYOUT_DIRECT_MAP_START, _BYTES         the direct map slides within it
 *   LAYOUT_TEMPORARY_START, _BYTES          mappings of a moment: the machine's own; 0 bytes: none
 *   LAYOUT_SHADOW_START, _BYTES             of kernels built with KASAN=1 (mm/shadow.h); 0 bytes: none
 *   LAYOUT_AREAS_START, _BYTES              mapped areas: devices, framebuffer, vm_alloc()
 *   LAYOUT_HEAP_START, _BYTES               the heap's window
 *   LAYOUT_STACKS_START, _BYTES             kernel stacks
 *   LAYOUT_IMAGE_START, _BYTES              the kernel image slides within it
 */
#ifndef MERIDIAN_MM_LAYOUT_H
#define MERIDIAN_MM_LAYOUT_H

#include "lib/types.h"

#include <arch_layout.h>

#endif
