/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stack_trace.h - the frames of a stack, one after the other.
 */
#ifndef MERIDIAN_DIAG_STACK_TRACE_H
#define MERIDIAN_DIAG_STACK_TRACE_H

#include "lib/print.h"
#include "lib/types.h"

#define STACK_TRACE_MOST 24 /* entries visited; the outermost ones are left out */

struct stack_entry {
    unsigned index; /* 0: the innermost */
    vaddr_t address;
    const char *function; /* NULL where no function of the kernel is */
    size_t offset;        /* into the function */
    const char *file;     /* NULL where the code has no line numbers */
    unsigned line;
    unsigned repeats; /* frames above it with the same address, not visited */
};

/* Where a walk begins. */
struct stack_start {
    vaddr_t instruction;
    vaddr_t stack; /* its top; 0 where it is not known */
    vaddr_t frame_pointer;
};

/* Visits the instruction and then the callers, innermost first. Any context. */
void stack_trace_visit(const struct stack_start *start,
                       void (*visit)(void *context, const struct stack_entry *entry),
                       void *context);

/* "  #3  0xffffffff80001234  pmm_alloc+0x24  pmm.c:81", and a newline. */
void stack_entry_print(struct print_sink *sink, const struct stack_entry *entry);

#endif
