/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stack_trace.c - who called whom, from the chain of frame pointers.
 *
 * Every function of the kernel keeps a frame pointer, and the entry from an exception leaves a
 * frame too, so that the chain leads through handlers into what they interrupted. Memory is read
 * with care (arch_stack_step()): a broken chain ends the trace and nothing else. A return address
 * is looked up one byte earlier, inside of the call, since a call that never returns may be the last
 * instruction of its function. Equal frames in a row, as endless recursion makes them, are one entry.
 */
#include "stack_trace.h"

#include "diag/diag.h"
#include "symbols.h"

/* A stack full of the smallest frames ends here, and so does a chain that bites its own tail. */
#define FRAMES_MOST 2048u

static void look_up(struct stack_entry *entry, vaddr_t address, size_t back)
{
    entry->address = address;
    entry->repeats = 0;
    entry->function = symbol_find(va(va_value(address) - back), &entry->offset);
    if (entry->function != NULL)
        entry->offset += back;
}

void stack_trace_visit(vaddr_t instruction, vaddr_t frame_pointer,
                       void (*visit)(void *context, const struct stack_entry *entry), void *context)
{
    struct stack_entry entry = { .index = 0 };
    vaddr_t caller;
    unsigned printed = 0;

    look_up(&entry, instruction, 0);
    for (unsigned frame = 1; frame < FRAMES_MOST; frame++) {
        if (!arch_stack_step(&frame_pointer, &caller))
            break;
        if (va_equal(caller, entry.address)) {
            entry.repeats++;
            continue;
        }
        if (printed++ == STACK_TRACE_MOST)
            return;
        visit(context, &entry);
        entry.index = frame;
        look_up(&entry, caller, 1);
    }
    visit(context, &entry);
}

void stack_entry_print(struct print_sink *sink, const struct stack_entry *entry)
{
    print_to(sink, "  #%-2u 0x%016llx  ", entry->index,
             (unsigned long long)va_value(entry->address));
    if (entry->function != NULL)
        print_to(sink, "%s+0x%zx", entry->function, entry->offset);
    else
        print_to(sink, "not in the kernel");
    if (entry->repeats > 0)
        print_to(sink, ", and %u more of the same", entry->repeats);
    print_to(sink, "\n");
}

static void print_entry(void *context, const struct stack_entry *entry)
{
    stack_entry_print(context, entry);
}

void diag_stack_trace(struct print_sink *sink, vaddr_t frame_pointer)
{
    vaddr_t caller;

    if (arch_stack_step(&frame_pointer, &caller))
        stack_trace_visit(caller, frame_pointer, print_entry, sink);
}
