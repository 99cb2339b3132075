/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/vm_fault.h - the one door through which an architecture enters the memory manager.
 */
#ifndef MERIDIAN_MM_VM_FAULT_H
#define MERIDIAN_MM_VM_FAULT_H

#include "arch/trap.h"
#include "lib/status.h"

/* A page fault at `address` with enum trap_access. STATUS_OK when the access may be tried again:
 * demand-zero, copy-on-write or stack growth resolved it. STATUS_NOT_FOUND: no area; STATUS_DENIED: the area
 * forbids it, or it is a guard; STATUS_NO_MEMORY. Interrupts off, on the faulting processor. */
enum status vm_fault(vaddr_t address, unsigned access);

#endif
