/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/kstack.h - kernel stacks: CONFIG_KSTACK_BYTES between two guard pages, in a window of their own.
 */
#ifndef MERIDIAN_MM_KSTACK_H
#define MERIDIAN_MM_KSTACK_H

#include "lib/status.h"
#include "lib/types.h"

/* The window; its first part may already hold the boot stack [boot_start, + boot_bytes), which
 * becomes an area like the others. Once, after vmm_init(). */
enum status kstack_init(vaddr_t window_start, size_t window_bytes, vaddr_t boot_start,
                        size_t boot_bytes);

/* A new stack, fully backed; `top` is one past its highest byte, 16-byte aligned. */
enum status kstack_create(const char *name, vaddr_t *top);
void kstack_destroy(vaddr_t top);

/* When `address` lies on a guard page: the name of the stack that was overrun, else NULL. */
const char *kstack_guard_owner(vaddr_t address);

#endif
