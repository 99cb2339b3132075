/* SPDX-License-Identifier: BSD-2-Clause
 *
 * exception.c - names and meanings of exceptions, and the walk up a stack for their reports.
 *
 * The error code of a page fault says what was tried; the address is in CR2. A stack is walked by
 * frame pointers, which may be anything after a fault: each word is read with care.
 */
#include "arch/x86/exception.h"

#include "arch/cpu.h"
#include "arch/x86/apic.h"
#include "arch/x86/registers.h"
#include "lib/assert.h"
#include "mm/vm_fault.h"

#include <arch_layout.h>

#define ERROR_PRESENT  (1u << 0)
#define ERROR_WRITE    (1u << 1)
#define ERROR_USER     (1u << 2)
#define ERROR_RESERVED (1u << 3)
#define ERROR_EXECUTE  (1u << 4)

#define ERROR_EXTERNAL (1u << 0)
#define ERROR_IDT      (1u << 1)
#define ERROR_LOCAL    (1u << 2)
#define ERROR_SELECTOR 0xfff8u

static const char *const exception_names[] = {
    "divide error",
    "debug exception",
    "non-maskable interrupt",
    "breakpoint",
    "overflow",
    "bound range exceeded",
    "invalid opcode",
    "device not available",
    "double fault",
    "coprocessor segment overrun",
    "invalid TSS",
    "segment not present",
    "stack fault",
    "general protection fault",
    "page fault",
    "reserved exception 15",
    "x87 floating-point error",
    "alignment check",
    "machine check",
    "SIMD floating-point exception",
    "virtualization exception",
    "control protection exception",
};

/* trap_entry.asm, user_entry.asm */
extern const uint8_t trap_read_word_access[], trap_read_word_failed[];
extern const uint8_t user_copy_access[], user_copy_failed[];

/* Instructions that may fault. A report reads words of a machine that is out of order, for which no
 * memory shall be allocated; what is copied for a program may still have to be backed. */
static const struct {
    const uint8_t *access;
    const uint8_t *failed;
    bool is_offered; /* to the memory manager first */
} fixups[] = {
    { trap_read_word_access, trap_read_word_failed, false },
    { user_copy_access, user_copy_failed, true },
};

/* --- what happened ----------------------------------------------------------------------- */

static enum trap_kind kind_of_vector(uintptr_t vector)
{
    switch (vector) {
    case VECTOR_DIVIDE:
        return TRAP_DIVIDE;
    case VECTOR_DEBUG:
        return TRAP_DEBUG;
    case VECTOR_NMI:
        return TRAP_NMI;
    case VECTOR_BREAK:
        return TRAP_BREAKPOINT;
    case VECTOR_NO_FPU:
        return TRAP_NO_FPU;
    case VECTOR_DOUBLE:
        return TRAP_DOUBLE_FAULT;
    case VECTOR_PROTECT:
        return TRAP_PROTECTION;
    case VECTOR_PAGE:
        return TRAP_PAGE_FAULT;
    case VECTOR_MACHINE:
        return TRAP_MACHINE_CHECK;
    case VECTOR_TICK:
        return TRAP_TICK;
    case TRAP_FRAME_SNAPSHOT:
        return TRAP_SNAPSHOT;
    default:
        return TRAP_OTHER;
    }
}

static unsigned access_of_error(uintptr_t error)
{
    return (error & ERROR_WRITE ? TRAP_ACCESS_WRITE : 0u) |
           (error & ERROR_EXECUTE ? TRAP_ACCESS_EXECUTE : 0u) |
           (error & ERROR_USER ? TRAP_ACCESS_USER : 0u) |
           (error & ERROR_PRESENT ? TRAP_ACCESS_PRESENT : 0u) |
           (error & ERROR_RESERVED ? TRAP_ACCESS_RESERVED : 0u);
}

static const char *name_of_vector(uintptr_t vector)
{
    if (vector < ARRAY_COUNT(exception_names))
        return exception_names[vector];
    if (vector == TRAP_FRAME_SNAPSHOT)
        return "snapshot";
    if (vector == VECTOR_TICK)
        return "timer interrupt";
    return vector < 32 ? "reserved exception" : "interrupt";
}

void exception_describe(uintptr_t vector, uintptr_t error, uintptr_t cr2, struct trap_info *info)
{
    bool page_fault = vector == VECTOR_PAGE;

    *info = (struct trap_info){
        .kind = kind_of_vector(vector),
        .vector = (unsigned)vector,
        .name = name_of_vector(vector),
        .address = va(page_fault ? cr2 : 0),
        .access = page_fault ? access_of_error(error) : 0,
        .error_code = error,
    };
}

bool exception_resolve(uintptr_t vector, uintptr_t error, uintptr_t cr2)
{
    if (vector != VECTOR_PAGE)
        return false;
    return vm_fault(va(cr2), access_of_error(error)) == STATUS_OK;
}

bool exception_is_programs(uintptr_t vector)
{
    return vector != VECTOR_NMI && vector != VECTOR_MACHINE && vector != VECTOR_DOUBLE;
}

uintptr_t exception_fixup(uintptr_t vector, uintptr_t instruction, bool offered)
{
    if (vector != VECTOR_PAGE && vector != VECTOR_PROTECT)
        return 0;
    for (size_t i = 0; i < ARRAY_COUNT(fixups); i++) {
        if (instruction == (uintptr_t)fixups[i].access && fixups[i].is_offered == offered)
            return (uintptr_t)fixups[i].failed;
    }
    return 0;
}

/* --- for reports ------------------------------------------------------------------------- */

static void print_page_fault(uintptr_t error, struct print_sink *sink)
{
    print_to(sink, "error code: %s from ring %s, %s%s\n",
             error & ERROR_EXECUTE ? "execute"
             : error & ERROR_WRITE ? "write"
                                   : "read",
             error & ERROR_USER ? "3" : "0",
             error & ERROR_PRESENT ? "page present" : "page not present",
             error & ERROR_RESERVED ? ", reserved bit set" : "");
}

/* Vectors 10 to 13 name a selector, where one is at fault: SDM vol. 3A, 6.13. */
void arch_trap_print_error(const struct trap_info *info, struct print_sink *sink)
{
    uintptr_t error = info->error_code;

    if (info->vector == VECTOR_PAGE)
        print_page_fault(error, sink);
    else if (info->vector >= VECTOR_TASK && info->vector <= VECTOR_PROTECT && error != 0)
        print_to(sink, "error code: selector 0x%x of the %s%s\n",
                 (unsigned)(error & ERROR_SELECTOR),
                 error & ERROR_IDT     ? "IDT"
                 : error & ERROR_LOCAL ? "LDT"
                                       : "GDT",
                 error & ERROR_EXTERNAL ? ", on the way into a handler" : "");
}

/* Only memory is read, never a device; and only the kernel's half, where stacks are. */
bool arch_stack_read(vaddr_t address, uintptr_t *word)
{
    uintptr_t at = va_value(address);
    bool in_devices = at >= LAYOUT_AREAS_START && at < LAYOUT_HEAP_START;

    if (at < LAYOUT_KERNEL_HALF || in_devices || at % sizeof(*word) != 0)
        return false;
    return trap_read_word((const uintptr_t *)at, word);
}

bool arch_stack_step(vaddr_t *frame_pointer, vaddr_t *return_address)
{
    uintptr_t next, address;

    if (!arch_stack_read(*frame_pointer, &next) ||
        !arch_stack_read(va_add(*frame_pointer, sizeof(next)), &address))
        return false;
    if (next == 0)
        return false;
    *frame_pointer = va(next);
    *return_address = va(address);
    return true;
}

/* With an empty IDT the next exception cannot be delivered, nor the double fault that follows: the
 * processor shuts down, and the machine resets (SDM vol. 3A, 6.15, vector 8). */
void arch_cpu_reset(void)
{
    struct table_pointer nothing = { .limit = 0, .base = 0 };

    __asm__ volatile("lidt %0\n\tint3" : : "m"(nothing) : "memory");
    arch_cpu_halt();
}
