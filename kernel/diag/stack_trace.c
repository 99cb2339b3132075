/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stack_trace.c - who called whom, from the chain of frame pointers.
 *
 * Every function of the kernel keeps a frame pointer, and the entry from an exception leaves a
 * frame too, so that the chain leads through handlers into what they interrupted. Memory is read
 * with care (arch_stack_step()): a broken chain ends the trace and nothing else. A return address
 * is looked up one byte earlier, inside of the call, since a call that never returns may be the last
 * instruction of its function.
 */
#include "stack_trace.h"

#include "diag/diag.h"
#include "symbols.h"

void stack_trace_visit(vaddr_t instruction, vaddr_t frame_pointer,
                       void (*visit)(void *context, const struct stack_entry *entry), void *context)
{
    struct stack_entry entry = { .index = 0, .address = instruction };
    vaddr_t return_address;

    entry.function = symbol_find(instruction, &entry.offset);
    if (va_value(instruction) != 0)
        visit(context, &entry);
    while (entry.index + 1 < STACK_TRACE_MOST && arch_stack_step(&frame_pointer, &return_address)) {
        entry.index++;
        entry.address = return_address;
        entry.function = symbol_find(va(va_value(return_address) - 1), &entry.offset);
        entry.offset++;
        visit(context, &entry);
    }
}

void stack_entry_print(struct print_sink *sink, const struct stack_entry *entry)
{
    print_to(sink, "  #%-2u 0x%016llx  ", entry->index,
             (unsigned long long)va_value(entry->address));
    if (entry->function != NULL)
        print_to(sink, "%s+0x%zx\n", entry->function, entry->offset);
    else
        print_to(sink, "not in the kernel\n");
}

static void print_entry(void *context, const struct stack_entry *entry)
{
    stack_entry_print(context, entry);
}

void diag_stack_trace(struct print_sink *sink, vaddr_t frame_pointer)
{
    stack_trace_visit(va(0), frame_pointer, print_entry, sink);
}
