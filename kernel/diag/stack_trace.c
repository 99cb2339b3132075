/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stack_trace.c - who called whom, from the chain of frame pointers.
 *
 * Every function of the kernel keeps a frame pointer, and the entry from an exception leaves a
 * frame too, so that the chain leads through handlers into what they interrupted. Memory is read
 * with care (arch_stack_step()): a broken chain ends the trace and nothing else. A return address
 * is looked up one byte earlier, inside of the call, since a call that never returns may be the last
 * instruction of its function. A jump to where no function is has made no frame yet: its caller is
 * what lies on top of the stack. Equal frames in a row, as endless recursion makes them, are one entry.
 */
#include "stack_trace.h"

#include "diag/diag.h"
#include "lines.h"
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
    if (!line_find(va(va_value(address) - back), &entry->file, &entry->line))
        entry->file = NULL;
}

/* A walk under way: the entry that waits for its repeats. */
struct walk {
    struct stack_entry entry;
    unsigned visited;
    void (*visit)(void *context, const struct stack_entry *entry);
    void *context;
};

/* False when there have been enough. */
static bool add_frame(struct walk *walk, vaddr_t caller, unsigned index)
{
    if (va_equal(caller, walk->entry.address)) {
        walk->entry.repeats++;
        return true;
    }
    if (walk->visited++ == STACK_TRACE_MOST)
        return false;
    walk->visit(walk->context, &walk->entry);
    walk->entry.index = index;
    look_up(&walk->entry, caller, 1);
    return true;
}

void stack_trace_visit(const struct stack_start *start,
                       void (*visit)(void *context, const struct stack_entry *entry), void *context)
{
    struct walk walk = { .visited = 0, .visit = visit, .context = context };
    vaddr_t frame_pointer = start->frame_pointer;
    unsigned index = 0;
    uintptr_t word;
    vaddr_t caller;

    look_up(&walk.entry, start->instruction, 0);
    if (walk.entry.function == NULL && arch_stack_read(start->stack, &word) &&
        symbol_find(va(word), &walk.entry.offset) != NULL)
        add_frame(&walk, va(word), ++index);
    while (++index < FRAMES_MOST && arch_stack_step(&frame_pointer, &caller)) {
        if (!add_frame(&walk, caller, index))
            return;
    }
    visit(context, &walk.entry);
}

void stack_entry_print(struct print_sink *sink, const struct stack_entry *entry)
{
    print_to(sink, "  #%-2u 0x%016llx  ", entry->index,
             (unsigned long long)va_value(entry->address));
    if (entry->function != NULL)
        print_to(sink, "%s+0x%zx", entry->function, entry->offset);
    else
        print_to(sink, "not in the kernel");
    if (entry->file != NULL)
        print_to(sink, "  %s:%u", entry->file, entry->line);
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
    struct stack_start start = { .frame_pointer = frame_pointer };

    if (arch_stack_step(&start.frame_pointer, &start.instruction))
        stack_trace_visit(&start, print_entry, sink);
}
