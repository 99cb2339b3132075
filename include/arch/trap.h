/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch/trap.h - exceptions, as the portable parts of the kernel see them.
 *
 * The architecture saves a struct trap_frame of its own and describes it with struct trap_info.
 * A page fault is first offered to the memory manager (mm/vm_fault.h: the one door); every
 * exception that nobody resolves goes to diag_exception(), unless arch_trap_try() waits for it.
 */
#ifndef MERIDIAN_ARCH_TRAP_H
#define MERIDIAN_ARCH_TRAP_H

#include "lib/print.h"
#include "lib/types.h"

struct trap_frame; /* the architecture's own */

enum trap_kind {
    TRAP_PAGE_FAULT,
    TRAP_PROTECTION, /* general protection */
    TRAP_DIVIDE,
    TRAP_NO_FPU, /* an instruction for registers that are not in use: device not available */
    TRAP_DOUBLE_FAULT,
    TRAP_DEBUG, /* a single step */
    TRAP_BREAKPOINT,
    TRAP_NMI,
    TRAP_MACHINE_CHECK,
    TRAP_TICK,     /* the timer's interrupt, which ends a program that has used up its time */
    TRAP_SNAPSHOT, /* no exception at all: arch_trap_snapshot() */
    TRAP_OTHER,
};

enum trap_access {
    TRAP_ACCESS_WRITE = 1u << 0,    /* else a read */
    TRAP_ACCESS_EXECUTE = 1u << 1,  /* an instruction fetch */
    TRAP_ACCESS_USER = 1u << 2,     /* from ring 3 */
    TRAP_ACCESS_PRESENT = 1u << 3,  /* the page was there: its rights forbade it */
    TRAP_ACCESS_RESERVED = 1u << 4, /* a reserved bit was set in an entry */
};

#define TRAP_REGISTERS 16

struct trap_info {
    enum trap_kind kind;
    unsigned vector;      /* the machine's number */
    const char *name;     /* "page fault" */
    vaddr_t address;      /* page faults: the address accessed (CR2); else 0 */
    unsigned access;      /* page faults: enum trap_access */
    uintptr_t error_code; /* as the processor pushed it */
    bool user;            /* it happened in ring 3 */
    vaddr_t instruction;
    vaddr_t stack;
    vaddr_t frame_pointer;               /* where a walk of the stack begins */
    uintptr_t registers[TRAP_REGISTERS]; /* general ones, in no order; 0 where there are fewer */
};

/* Fills `info` from `frame`. Any context. */
void arch_trap_describe(const struct trap_frame *frame, struct trap_info *info);

/* A line that says what the error code means: "error code: write from ring 0, page not present".
 * Nothing where it means nothing. Any context. */
void arch_trap_print_error(const struct trap_info *info, struct print_sink *sink);

/* The index-th register, control registers included: its name, at most 3 characters, and its value; false when
 * there is none. Any context. */
bool arch_trap_register(const struct trap_frame *frame, unsigned index, const char **name,
                        uintptr_t *value);

/* Calls function(context). When it ends with an exception on this processor, that exception is
 * swallowed, `info` is filled and true is returned: for tests that expect a fault. Nothing that
 * the function held is released. May be nested: the innermost one gets the exception. */
bool arch_trap_try(void (*function)(void *context), void *context, struct trap_info *info);

/* The same; before an exception is swallowed, witness(context, frame) is called where it happened, with the
 * stack still as it was. An exception of the witness is swallowed without one. */
bool arch_trap_try_watched(void (*function)(void *context), void *context,
                           void (*witness)(void *context, const struct trap_frame *frame),
                           struct trap_info *info);

/* Calls function(context, frame) with the registers as they are here, as if an exception had
 * happened. Any context. */
void arch_trap_snapshot(void (*function)(void *context, const struct trap_frame *frame),
                        void *context);

/* The exception that nobody resolved: the report, then the end (kernel/diag). */
[[gnu::noreturn]] void diag_exception(const struct trap_frame *frame);

/* A word of a stack, read with care: false where the memory cannot be read. Any context. */
bool arch_stack_read(vaddr_t address, uintptr_t *word);

/* One step up the stack: from the frame at `frame_pointer` to its caller's, with its return
 * address. False at the end, or where the memory cannot be read. */
bool arch_stack_step(vaddr_t *frame_pointer, vaddr_t *return_address);

#endif
