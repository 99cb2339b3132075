/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tlb_private.h - what switching (tlb_switch.c) and flushing elsewhere (tlb_shoot.c) tell each other.
 */
#ifndef MERIDIAN_KERNEL_MM_TLB_PRIVATE_H
#define MERIDIAN_KERNEL_MM_TLB_PRIVATE_H

#include "mm/tlb.h"

/* --- tlb_switch.c ------------------------------------------------------------------------ */

/* An entry of a user table was changed: its generation from now on. */
uintptr_t tlb_note_change(struct page_table *table);

/* Something of the kernel's half is about to be freed. */
void tlb_note_kernel_change(void);

/* Whether the processor has the user table loaded, or may before it sees the new generation. */
bool tlb_may_use(unsigned cpu, const struct page_table *table);

/* True: the table is loaded here, and what is kept of it is as of `generation` once the caller has flushed.
 * Interrupts off. */
bool tlb_follow(const struct page_table *table, uintptr_t generation);

/* --- tlb_shoot.c: struct page_table's flush() -------------------------------------------- */

void tlb_flush_user(struct page_table *table, const struct tlb_batch *batch);
void tlb_flush_kernel(struct page_table *table, const struct tlb_batch *batch);

#endif
