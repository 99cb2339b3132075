/* SPDX-License-Identifier: BSD-2-Clause
 *
 * trace.c - the steps from a program's instruction to a frame, told one by one.
 *
 *     call    map(anywhere, 65536 bytes, rw-)         what the program asked for
 *     area    0x10000000 - 0x1000ffff rw- ...         what the VMM made of it
 *     fault   write to 0x10000010, not mapped         the program's first touch
 *     frame   0x1f2c3 at 0x1f2c3000 ...               what the page-frame allocator gave
 *     entry   level 1, table 0x1f2c4000[0] = 0x...    what the processor's tables say now
 *     result  0x10000000                              what the call returned
 *
 * A fault is told after it was resolved, from what the tables then have. Each step is a line and the
 * event `step`.
 */
#include "lib/json.h"
#include "process.h"
#include "user/abi.h"

#define TEXT_BYTES 112

static const struct {
    const char *name;
    unsigned arguments;
} calls[USER_CALL_COUNT] = {
    [USER_CALL_EXIT] = { "exit", 1 },       [USER_CALL_WRITE] = { "write", 2 },
    [USER_CALL_MAP] = { "map", 3 },         [USER_CALL_UNMAP] = { "unmap", 2 },
    [USER_CALL_PROTECT] = { "protect", 3 }, [USER_CALL_CLONE] = { "clone", 1 },
};

/* What a program writes is seen anyway. */
static bool is_told(const struct process *process, uintptr_t number)
{
    return (process->flags & PROGRAM_TRACED) != 0 && number != USER_CALL_WRITE;
}

[[gnu::format(printf, 3, 4)]] static void step(struct process *process, const char *kind,
                                               const char *format, ...)
{
    char text[TEXT_BYTES];
    struct json event;
    va_list arguments;

    va_start(arguments, format);
    (void)print_buffer_va(text, sizeof text, format, arguments);
    va_end(arguments);
    process_end_line(process);
    print("    %-8s%s\n", kind, text);
    json_begin(&event, json_console(), "step");
    json_text(&event, "program", process->program->name);
    json_text(&event, "step", kind);
    json_text(&event, "text", text);
    json_end(&event);
}

/* --- system calls ------------------------------------------------------------------------ */

static const char *rights_text(uintptr_t rights)
{
    static const char *const texts[] = { "r--", "rw-", "r-x", "rwx" };

    return texts[rights & (USER_WRITE | USER_EXECUTE)];
}

void trace_call(struct process *process, const struct arch_user_call *call)
{
    const uintptr_t *arguments = call->arguments;
    unsigned long long first = arguments[0];

    if (!is_told(process, call->number))
        return;
    if (call->number >= USER_CALL_COUNT)
        step(process, "call", "number %llu, which is none", (unsigned long long)call->number);
    else if (call->number == USER_CALL_MAP && arguments[0] == 0)
        step(process, "call", "map(anywhere, %zu bytes, %s)", (size_t)arguments[1],
             rights_text(arguments[2]));
    else if (calls[call->number].arguments == 1)
        step(process, "call", "%s(0x%llx)", calls[call->number].name, first);
    else if (calls[call->number].arguments == 2)
        step(process, "call", "%s(0x%llx, %zu bytes)", calls[call->number].name, first,
             (size_t)arguments[1]);
    else
        step(process, "call", "%s(0x%llx, %zu bytes, %s)", calls[call->number].name, first,
             (size_t)arguments[1], rights_text(arguments[2]));
}

static void trace_area(struct process *process, uintptr_t address)
{
    struct vm_area_info area;
    char rights[16];

    if (vm_query(process->space, va(address), &area) != STATUS_OK)
        return;
    pt_flags_text(area.rights, rights);
    step(process, "area", "'%s', 0x%llx to 0x%llx, %s%s", area.name,
         (unsigned long long)va_value(area.start),
         (unsigned long long)(va_value(area.start) + (area.size_bytes - 1)), rights,
         area.flags & VM_GROWS_DOWN ? ", grows down" : "");
}

void trace_result(struct process *process, const struct arch_user_call *call, enum status status,
                  uintptr_t result)
{
    if (!is_told(process, call->number))
        return;
    if (status != STATUS_OK) {
        step(process, "refused", "%s", status_name(status));
        return;
    }
    if (call->number == USER_CALL_MAP)
        trace_area(process, result);
    if (call->number == USER_CALL_PROTECT)
        trace_area(process, call->arguments[0]);
    step(process, "result", "0x%llx; tables take %zu frames", (unsigned long long)result,
         pt_count_tables(vm_space_table(process->space)));
}

void trace_clone(struct process *process, const char *what)
{
    if ((process->flags & PROGRAM_TRACED) != 0)
        step(process, "clone", "%s", what);
}

/* --- page faults ------------------------------------------------------------------------- */

static const char *deed(unsigned access)
{
    return access & TRAP_ACCESS_EXECUTE ? "execute" : access & TRAP_ACCESS_WRITE ? "write" : "read";
}

static void trace_frame(struct process *process, const struct trap_info *info)
{
    struct pt_mapping leaf;
    struct frame_info frame;
    uintptr_t page = va_value(info->address) & ~(uintptr_t)PAGE_MASK;
    paddr_t target;

    if (pt_query(vm_space_table(process->space), va(page), &leaf) != STATUS_OK)
        return;
    target = pa_add(leaf.target, page - va_value(leaf.address));
    frame_describe(pa_to_pfn(target), &frame);
    step(process, "frame", "0x%llx at 0x%llx, %s, tag %s, %u reference%s",
         (unsigned long long)pfn_value(pa_to_pfn(target)), (unsigned long long)pa_value(target),
         info->access & TRAP_ACCESS_PRESENT ? "its own now" : "zeroed", frame_tag_name(frame.tag),
         frame.references, frame.references == 1 ? "" : "s");
}

static void trace_entry(struct process *process, vaddr_t address)
{
    struct pt_step steps[PT_MAX_LEVELS];
    char rights[16];
    unsigned count = pt_explain(vm_space_table(process->space), address, steps);
    const struct pt_step *last = &steps[count - 1];

    if (count == 0)
        return;
    pt_flags_text(last->flags, rights);
    step(process, "entry", "level %u, table 0x%llx[%u] = 0x%llx, %s; tables take %zu frames",
         last->level, (unsigned long long)pa_value(last->table), last->index,
         (unsigned long long)last->entry, rights, pt_count_tables(vm_space_table(process->space)));
}

void trace_fault(struct process *process, const struct trap_info *info)
{
    if ((process->flags & PROGRAM_TRACED) == 0)
        return;
    step(process, "fault", "%s at 0x%llx, %s", deed(info->access),
         (unsigned long long)va_value(info->address),
         info->access & TRAP_ACCESS_PRESENT ? "mapped, but shared" : "where nothing is mapped");
    trace_area(process, va_value(info->address));
    trace_frame(process, info);
    trace_entry(process, info->address);
}
