/* SPDX-License-Identifier: BSD-2-Clause
 *
 * trap.c - what becomes of an exception.
 *
 * In this order: a read that was allowed to fail fails; a page fault is offered to the memory
 * manager; a test that waits for a fault gets it; everything else ends in a report.
 *
 * Page faults run on a stack of their own, since the interrupted one may be what faulted. The
 * memory manager may itself touch memory that is backed on touch, so a page fault can nest: while
 * one is handled, the next one's stack begins PAGE_FAULT_STEP lower. When the last step is used up the
 * processor meets the guard page below and reports a double fault.
 *
 * Interrupt gates are used throughout: interrupts are off in every handler. All gates are for ring
 * 0 (an INT n from ring 3 is a general protection fault).
 *
 * Source: SDM vol. 3A, 6.14 "Exception and Interrupt Handling in 64-bit Mode", 6.15 for the vectors,
 * 4.7 for the error code of page faults.
 */
#include "arch/trap.h"

#include "arch/x86/registers.h"
#include "cpu_local.h"
#include "lib/assert.h"
#include "mm/vm_fault.h"
#include "trap_frame.h"

#include <arch_layout.h>

#define VECTOR_COUNT    256u
#define VECTOR_DIVIDE   0u
#define VECTOR_NMI      2u
#define VECTOR_BREAK    3u
#define VECTOR_DOUBLE   8u
#define VECTOR_PROTECT  13u
#define VECTOR_PAGE     14u
#define VECTOR_MACHINE  18u

#define STUB_BYTES      16u
#define GATE_INTERRUPT  0x8eu /* present, ring 0, 64-bit interrupt gate: SDM vol. 3A, figure 6-8 */

/* A third of a kernel stack, a multiple of 16. */
#define PAGE_FAULT_STEP (CONFIG_KSTACK_BYTES / 3 & ~15u)

#define ERROR_PRESENT   (1u << 0)
#define ERROR_WRITE     (1u << 1)
#define ERROR_USER      (1u << 2)
#define ERROR_RESERVED  (1u << 3)
#define ERROR_EXECUTE   (1u << 4)

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t stack; /* 0, or 1 + enum exception_stack */
    uint8_t type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};
static_assert(sizeof(struct gate) == 16, "SDM vol. 3A, figure 6-8");

struct [[gnu::packed]] table_pointer {
    uint16_t limit;
    uint64_t base;
};

/* trap_entry.asm */
extern const uint8_t trap_stubs[VECTOR_COUNT][STUB_BYTES];
extern const uint8_t trap_read_word_access[], trap_read_word_failed[];
bool trap_read_word(const uintptr_t *address, uintptr_t *value);
bool trap_try_call(void (*function)(void *context), void *context, struct trap_resume *resume);

void trap_dispatch(struct trap_frame *frame);

[[gnu::aligned(16)]] static struct gate gates[VECTOR_COUNT];

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

/* --- the table --------------------------------------------------------------------------- */

static uint8_t stack_of_vector(unsigned vector)
{
    switch (vector) {
    case VECTOR_DOUBLE:
        return 1 + STACK_DOUBLE_FAULT;
    case VECTOR_NMI:
        return 1 + STACK_NMI;
    case VECTOR_MACHINE:
        return 1 + STACK_MACHINE_CHECK;
    case VECTOR_PAGE:
        return 1 + STACK_PAGE_FAULT;
    default:
        return 0;
    }
}

void trap_init(void)
{
    struct table_pointer pointer = { .limit = sizeof(gates) - 1, .base = (uintptr_t)gates };

    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++) {
        uint64_t stub = (uintptr_t)trap_stubs[vector];

        gates[vector] = (struct gate){
            .offset_low = (uint16_t)stub,
            .selector = SELECTOR_KERNEL_CODE,
            .stack = stack_of_vector(vector),
            .type = GATE_INTERRUPT,
            .offset_middle = (uint16_t)(stub >> 16),
            .offset_high = (uint32_t)(stub >> 32),
        };
    }
    __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}

/* With an empty IDT the next exception cannot be delivered, nor the double fault that follows: the
 * processor shuts down, and the machine resets (SDM vol. 3A, 6.15, vector 8). */
void arch_cpu_reset(void)
{
    struct table_pointer nothing = { .limit = 0, .base = 0 };

    __asm__ volatile("lidt %0\n\tint3" : : "m"(nothing) : "memory");
    arch_cpu_halt();
}

/* --- what happened ----------------------------------------------------------------------- */

static enum trap_kind kind_of_vector(uint64_t vector)
{
    switch (vector) {
    case VECTOR_DIVIDE:
        return TRAP_DIVIDE;
    case VECTOR_NMI:
        return TRAP_NMI;
    case VECTOR_BREAK:
        return TRAP_BREAKPOINT;
    case VECTOR_DOUBLE:
        return TRAP_DOUBLE_FAULT;
    case VECTOR_PROTECT:
        return TRAP_PROTECTION;
    case VECTOR_PAGE:
        return TRAP_PAGE_FAULT;
    case VECTOR_MACHINE:
        return TRAP_MACHINE_CHECK;
    case TRAP_FRAME_SNAPSHOT:
        return TRAP_SNAPSHOT;
    default:
        return TRAP_OTHER;
    }
}

static unsigned access_of_error(uint64_t error)
{
    return (error & ERROR_WRITE ? TRAP_ACCESS_WRITE : 0u) |
           (error & ERROR_EXECUTE ? TRAP_ACCESS_EXECUTE : 0u) |
           (error & ERROR_USER ? TRAP_ACCESS_USER : 0u) |
           (error & ERROR_PRESENT ? TRAP_ACCESS_PRESENT : 0u) |
           (error & ERROR_RESERVED ? TRAP_ACCESS_RESERVED : 0u);
}

static const char *name_of_vector(uint64_t vector)
{
    if (vector < ARRAY_COUNT(exception_names))
        return exception_names[vector];
    if (vector == TRAP_FRAME_SNAPSHOT)
        return "snapshot";
    return vector < 32 ? "reserved exception" : "interrupt";
}

void arch_trap_describe(const struct trap_frame *frame, struct trap_info *info)
{
    bool page_fault = frame->vector == VECTOR_PAGE;

    *info = (struct trap_info){
        .kind = kind_of_vector(frame->vector),
        .vector = (unsigned)frame->vector,
        .name = name_of_vector(frame->vector),
        .address = va(page_fault ? frame->cr2 : 0),
        .access = page_fault ? access_of_error(frame->error) : 0,
        .error_code = frame->error,
        .instruction = va(frame->rip),
        .stack = va(frame->rsp),
        .frame_pointer = va(frame->rbp),
    };
}

/* --- what becomes of it ------------------------------------------------------------------ */

static void resume_try(const struct trap_try *try, struct trap_frame *frame)
{
    arch_trap_describe(frame, try->info);
    frame->rbx = try->resume.rbx;
    frame->rbp = try->resume.rbp;
    frame->r12 = try->resume.r12;
    frame->r13 = try->resume.r13;
    frame->r14 = try->resume.r14;
    frame->r15 = try->resume.r15;
    frame->rsp = try->resume.rsp;
    frame->rip = try->resume.rip;
}

static bool resolve_page_fault(struct trap_frame *frame)
{
    if (frame->vector != VECTOR_PAGE)
        return false;
    return vm_fault(va(frame->cr2), access_of_error(frame->error)) == STATUS_OK;
}

/* Called by trap_common; when it returns, the frame is what execution goes on with. */
void trap_dispatch(struct trap_frame *frame)
{
    struct cpu_local *local = cpu_local();
    struct task_state *task = &local->task;
    uint64_t restored = task->exception_stacks[STACK_PAGE_FAULT];

    if (frame->rip == (uintptr_t)trap_read_word_access) {
        frame->rip = (uintptr_t)trap_read_word_failed;
        return;
    }
    if (frame->vector == VECTOR_PAGE)
        task->exception_stacks[STACK_PAGE_FAULT] -= PAGE_FAULT_STEP;
    if (!resolve_page_fault(frame)) {
        if (local->innermost_try == NULL)
            diag_exception(frame);
        restored = local->innermost_try->page_fault_stack;
        resume_try(local->innermost_try, frame);
    }
    task->exception_stacks[STACK_PAGE_FAULT] = restored;
}

bool arch_trap_try(void (*function)(void *context), void *context, struct trap_info *trap)
{
    struct cpu_local *local = cpu_local();
    struct trap_try try = { .info = trap,
                            .page_fault_stack = local->task.exception_stacks[STACK_PAGE_FAULT],
                            .outer = local->innermost_try };
    bool faulted;

    local->innermost_try = &try;
    faulted = trap_try_call(function, context, &try.resume);
    local->innermost_try = try.outer;
    return faulted;
}

/* --- for reports ------------------------------------------------------------------------- */

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

void arch_trap_print_registers(const struct trap_frame *frame, struct print_sink *sink)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "rax", frame->rax }, { "rbx", frame->rbx }, { "rcx", frame->rcx },
        { "rdx", frame->rdx }, { "rsi", frame->rsi }, { "rdi", frame->rdi },
        { "rbp", frame->rbp }, { "rsp", frame->rsp }, { "r8", frame->r8 },
        { "r9", frame->r9 },   { "r10", frame->r10 }, { "r11", frame->r11 },
        { "r12", frame->r12 }, { "r13", frame->r13 }, { "r14", frame->r14 },
        { "r15", frame->r15 }, { "rip", frame->rip }, { "rfl", frame->rflags },
        { "cs", frame->cs },   { "ss", frame->ss },   { "cr0", cr0_read() },
        { "cr2", frame->cr2 }, { "cr3", cr3_read() }, { "cr4", cr4_read() },
    };

    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        print_to(sink, "  %-3s 0x%016llx%s", rows[i].name, (unsigned long long)rows[i].value,
                 i % 4 == 3 ? "\n" : "");
}
