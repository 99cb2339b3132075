/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sentence.c - what an exception means, in one plain sentence.
 *
 * "The kernel tried to write to address 0x10, which is in page 0: a null pointer" says more than an
 * error code. The sentence is put together from what was tried and what is known about the place.
 */
#include "diag/diag.h"

#include "diag/explain.h"
#include "mm/heap_debug.h"
#include "mm/kstack.h"
#include "mm/layout.h"
#include "mm/vmm.h"
#include "symbols.h"
#include "user/program.h"

/* kernel.ld */
extern const char kernel_start[], kernel_text_end[], kernel_rodata_end[], kernel_end[];

size_t diag_place_name(const void *place, char *text, size_t size)
{
    size_t offset;
    const char *function = symbol_find(va_of(place), &offset);

    if (function == NULL)
        return print_buffer(text, size, "%p", place);
    return print_buffer(text, size, "%s+0x%zx", function, offset);
}

/* An access through a pointer is at most so far from where it points. */
#define REACH_BYTES ((size_t)(64 * KiB))

/* Text that is introduced by a joint, if there is any. */
struct joined {
    struct print_sink sink;
    struct print_sink *to;
    const char *joint;
};

static void joined_write(struct print_sink *sink, const char *text, size_t size)
{
    struct joined *joined = CONTAINER_OF(sink, struct joined, sink);

    print_to(joined->to, "%s", joined->joint);
    joined->joint = "";
    joined->to->write(joined->to, text, size);
}

static const char *image_part(uintptr_t address)
{
    if (address < (uintptr_t)kernel_start || address >= (uintptr_t)kernel_end)
        return NULL;
    if (address < (uintptr_t)kernel_text_end)
        return "the kernel's code";
    if (address < (uintptr_t)kernel_rodata_end)
        return "the kernel's constants";
    return "the kernel's data";
}

/* What the heap knows of the address, or of a register that may have led to it; a program's are of no
 * interest to it. */
static void explain_heap(const struct trap_info *info, struct print_sink *sink)
{
    struct joined joined = { .sink.write = joined_write, .to = sink, .joint = ": " };

    if (info->user ||
        (info->kind == TRAP_PAGE_FAULT && heap_explain_address(info->address, &joined.sink)))
        return;
    for (size_t i = 0; i < TRAP_REGISTERS; i++) {
        uintptr_t value = info->registers[i];

        if (info->kind == TRAP_PAGE_FAULT && va_value(info->address) - value >= REACH_BYTES)
            continue;
        if (heap_explain_value(value, &joined.sink))
            return;
    }
}

/* The lowest stack above an address, in the space of a program. */
struct stack_search {
    uintptr_t address;
    struct vm_area_info found;
    bool is_found;
};

static bool find_stack(void *context, const struct vm_area_info *area)
{
    struct stack_search *search = context;

    if (va_value(area->start) < search->address)
        return true;
    search->is_found = (area->flags & VM_GROWS_DOWN) != 0;
    search->found = *area;
    return false;
}

/* Why a program may not do what it tried in an area of its own. */
static const char *refused_in(const struct vm_area_info *area, unsigned access)
{
    if (area->kind == VM_GUARD)
        return ", a guard";
    if ((access & TRAP_ACCESS_EXECUTE) != 0 && (area->rights & PT_EXECUTE) == 0)
        return ", which is not executable";
    if ((access & TRAP_ACCESS_WRITE) != 0 && (area->rights & PT_WRITE) == 0)
        return ", which is read-only";
    if ((area->rights & PT_USER) == 0)
        return ", which is not open to it";
    return ", for which no frame is left";
}

/* The same for a program's own half. */
static void explain_program_place(const struct trap_info *info, struct print_sink *sink)
{
    struct stack_search search = { .address = va_value(info->address), .is_found = false };
    struct vm_space *space = vm_space_current();
    struct vm_area_info area;

    if (va_value(info->address) < LAYOUT_USER_START) {
        print_to(sink, "in low memory, which is never mapped: a null pointer");
        return;
    }
    if (vm_query(space, info->address, &area) == STATUS_OK) {
        print_to(sink, "in its area '%s'%s", area.name, refused_in(&area, info->access));
        return;
    }
    vm_visit(space, find_stack, &search);
    if (search.is_found)
        print_to(sink, "below its area '%s', which cannot grow so far: the stack was overrun",
                 search.found.name);
    else
        print_to(sink, "where it has no area");
}

/* ", where ..." for an address; the most telling answer first. */
static void explain_place(const struct trap_info *info, struct print_sink *sink)
{
    uintptr_t address = va_value(info->address);
    const char *stack = kstack_guard_owner(info->address);
    struct vm_area_info area;

    if (info->user && address < LAYOUT_KERNEL_HALF)
        explain_program_place(info, sink);
    else if (info->user)
        print_to(sink, "in the kernel's part of the address space");
    else if (address < PAGE_SIZE)
        print_to(sink, "in page 0, which is never mapped: a null pointer");
    else if (stack != NULL)
        print_to(sink, "a guard page of the stack '%s': the stack was overrun", stack);
    else if (image_part(address) != NULL)
        print_to(sink, "in %s", image_part(address));
    else if (vm_query(vm_kernel(), info->address, &area) == STATUS_OK)
        print_to(sink, area.kind == VM_GUARD ? "the guard area '%s'" : "in the area '%s'",
                 area.name);
    else if (address < LAYOUT_KERNEL_HALF)
        print_to(sink, "in the lower half, where nothing is mapped");
    else
        print_to(sink, "in the kernel's half (%s), where nothing is mapped",
                 explain_window_name(info->address));
}

static const char *forbidden_by(const struct trap_info *info)
{
    unsigned access = info->access;

    if (access & TRAP_ACCESS_RESERVED)
        return "; its page-table entry has a reserved bit set";
    if (info->user)
        return va_value(info->address) >= LAYOUT_KERNEL_HALF ? ", which is not open to it" : "";
    if (!(access & TRAP_ACCESS_PRESENT))
        return "";
    if (access & TRAP_ACCESS_EXECUTE)
        return ", which is not executable";
    if (access & TRAP_ACCESS_WRITE)
        return ", which is read-only";
    return ", which is not open to it";
}

static const char *subject(const struct trap_info *info)
{
    return info->user ? "The program" : "The kernel";
}

static void explain_page_fault(const struct trap_info *info, struct print_sink *sink)
{
    const char *deed = info->access & TRAP_ACCESS_EXECUTE ? "execute"
                       : info->access & TRAP_ACCESS_WRITE ? "write to"
                                                          : "read from";

    print_to(sink, "%s tried to %s address 0x%llx, ", subject(info), deed,
             (unsigned long long)va_value(info->address));
    explain_place(info, sink);
    print_to(sink, "%s", forbidden_by(info));
    explain_heap(info, sink);
}

static void explain_double_fault(const struct trap_info *info, struct print_sink *sink)
{
    const char *stack = kstack_guard_owner(va(va_value(info->stack) - 1));
    uintptr_t word;

    print_to(sink, "A fault could not be delivered, because another one happened on the way");
    if (stack != NULL)
        print_to(sink, ": the stack '%s' was overrun", stack);
    else if (!arch_stack_read(va((va_value(info->stack) - 1) & ~(sizeof(word) - 1)), &word))
        print_to(sink, ": the stack pointer 0x%llx leads nowhere",
                 (unsigned long long)va_value(info->stack));
}

static void explain_protection(const struct trap_info *info, struct print_sink *sink)
{
    if (info->error_code != 0)
        print_to(sink, "%s used a selector that leads to no fitting descriptor", subject(info));
    else if (info->user)
        print_to(sink, "The program used an instruction that is the kernel's alone, or an address "
                       "that is not canonical");
    else
        print_to(sink, "The kernel used an address that is not canonical, or a register value that "
                       "the processor refuses");
    explain_heap(info, sink);
}

void diag_explain(const struct trap_info *info, struct print_sink *sink)
{
    switch (info->kind) {
    case TRAP_PAGE_FAULT:
        explain_page_fault(info, sink);
        return;
    case TRAP_PROTECTION:
        explain_protection(info, sink);
        return;
    case TRAP_NO_FPU:
        print_to(sink, "%s used the FPU, MMX, SSE or AVX, whose registers nobody keeps",
                 subject(info));
        return;
    case TRAP_DEBUG:
        print_to(sink, "%s was stepped through, and there is no debugger", subject(info));
        return;
    case TRAP_DIVIDE:
        print_to(sink, "%s divided by zero, or the quotient did not fit", subject(info));
        return;
    case TRAP_DOUBLE_FAULT:
        explain_double_fault(info, sink);
        return;
    case TRAP_BREAKPOINT:
        print_to(sink, "%s met a breakpoint and no debugger", subject(info));
        return;
    case TRAP_NMI:
        print_to(sink, "The hardware raised a non-maskable interrupt");
        return;
    case TRAP_MACHINE_CHECK:
        print_to(sink, "The processor found an error in the hardware");
        return;
    case TRAP_TICK:
        print_to(sink, "%s has run for %u s, which is all it has, and has not ended", subject(info),
                 program_seconds());
        return;
    case TRAP_SNAPSHOT:
    case TRAP_OTHER:
        print_to(sink, "%s met an exception that nobody expects: %s", subject(info), info->name);
        return;
    }
}

void diag_sentence(const struct trap_info *info, char *text, size_t size)
{
    struct print_text sentence;

    print_text_begin(&sentence, text, size);
    diag_explain(info, &sentence.sink);
}
