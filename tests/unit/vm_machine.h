/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vm_machine.h - a machine with page tables as a loader leaves them, for tests of paging and of
 * the virtual memory manager.
 *
 * 32 MiB of memory, the kernel's image and stack, a framebuffer, the identity mapping of the jump
 * with tables of its own. The fake MMU runs on these tables, on all its processors.
 */
#ifndef MERIDIAN_VM_MACHINE_H
#define MERIDIAN_VM_MACHINE_H

#include "pmm_machine.h"

#include "arch/cpu.h"
#include "boot/handoff.h"
#include "fake_mmu.h"
#include "mm/kstack.h"
#include "mm/layout.h"
#include "mm/paging.h"
#include "mm/vm_fault.h"
#include "mm/vmm.h"

#define VM_MEMORY_BYTES  (32 * MiB)
#define VM_PHYSICAL_BITS 36
#define VM_IMAGE_BASE    (2 * MiB)
#define VM_TEXT_BYTES    (16 * PAGE_SIZE)
#define VM_RODATA_BYTES  (8 * PAGE_SIZE)
#define VM_DATA_BYTES    (24 * PAGE_SIZE)
#define VM_TABLES_BASE   (3 * MiB)
#define VM_TABLES_BYTES  (256 * PAGE_SIZE)
#define VM_JUMP_BASE     (4 * MiB)
#define VM_JUMP_BYTES    (16 * PAGE_SIZE)
#define VM_STACK_BASE    (5 * MiB)
#define VM_STACK_BYTES   (8 * PAGE_SIZE)
#define VM_SCREEN_BASE   (63 * GiB)
#define VM_SCREEN_BYTES  (4 * MiB)

/* Memory, map and PMM, the loader's tables, and the handoff that tells of them. A test may spoil
 * either before it calls init_paging(). */
struct vm_machine {
    struct handoff handoff;
    struct page_table loader; /* the tables as the loader sees them */
    uint64_t next_table;      /* in the region of tables */
    uint64_t next_jump_table;
};
extern struct vm_machine vm_machine;

void vm_machine_load(unsigned levels);

/* The same, and init_paging(), vmm_init(), kstack_init(). */
void vm_machine_boot(unsigned levels);

/* A PMM and a kernel table of any format without anything in it: user spaces work, the kernel's
 * does not. */
void vm_machine_boot_bare(const struct pt_format *format);

/* Asserts that the fake MMU has nothing to complain of, and gives the memory back. */
int vm_machine_stop(void **state);

/* init_paging() as kmain() calls it. */
enum status vm_machine_init_paging(void);

/* An access at `address`, as a program would make it: faults go to vm_fault(), until the access
 * succeeds (STATUS_OK, and where it went) or the fault is refused. */
enum status vm_touch(uintptr_t address, unsigned access, paddr_t *target);

/* The same with a value. */
enum status vm_write(uintptr_t address, uint64_t value);
enum status vm_read(uintptr_t address, uint64_t *value);

/* Takes all free frames but `count`, so that the next allocation but `count` fails; and back. */
void vm_machine_leave_frames(size_t count);
void vm_machine_return_frames(void);

#endif
