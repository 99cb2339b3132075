/* SPDX-License-Identifier: BSD-2-Clause
 *
 * diag/kasan.h - the checker of accesses in kernels that are built with KASAN=1: its start and its shadow.
 *
 * Only on x86-64: an eighth of what i386 maps would take half of the addresses that are left there.
 * The other side, by which the memory manager tells what is nobody's, is mm/shadow.h.
 */
#ifndef MERIDIAN_DIAG_KASAN_H
#define MERIDIAN_DIAG_KASAN_H

#include "lib/status.h"
#include "mm/memmap.h"

/* Maps the shadow of all RAM, of the heap's window and of the image, closes the frames that are free, and
 * checks from then on. After vmm_init(), before heap_init(), once. STATUS_NO_MEMORY: nothing is checked. */
enum status kasan_start(const struct memmap *map, vaddr_t heap, size_t heap_bytes);

#endif
