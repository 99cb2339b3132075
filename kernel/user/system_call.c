/* SPDX-License-Identifier: BSD-2-Clause
 *
 * system_call.c - what a program can ask of the kernel: user/abi.h.
 *
 * Arguments are an outsider's numbers. Addresses are ranges of the program's own space, which the
 * VMM checks, or memory to copy from or to, which copy.c checks. A call that is refused has changed
 * nothing.
 */
#include "process.h"
#include "user/abi.h"

/* A system call under way. */
struct call {
    struct process *process;
    const struct trap_frame *frame;
    const uintptr_t *arguments;
    uintptr_t result;
};

static enum status call_exit(struct call *call)
{
    process_exit(call->arguments[0]);
}

static enum status call_write(struct call *call)
{
    size_t size_bytes = call->arguments[1];
    char text[USER_TEXT_MOST];

    if (size_bytes > sizeof text)
        return STATUS_NO_SPACE;
    if (!process_read(call->process, call->arguments[0], text, size_bytes))
        return STATUS_DENIED;
    process_write(call->process, text, size_bytes);
    return STATUS_OK;
}

static enum status page_rights(uintptr_t rights, unsigned *pages)
{
    if ((rights & ~(uintptr_t)(USER_WRITE | USER_EXECUTE)) != 0)
        return STATUS_INVALID;
    *pages = PT_USER | (rights & USER_WRITE ? (unsigned)PT_WRITE : 0u) |
             (rights & USER_EXECUTE ? (unsigned)PT_EXECUTE : 0u);
    return STATUS_OK;
}

static enum status call_map(struct call *call)
{
    uintptr_t address = call->arguments[0];
    struct vm_request request = { .address = va(address),
                                  .window = va(USER_MAP_START + call->process->map_slide),
                                  .window_bytes = USER_MAP_END - USER_MAP_START,
                                  .size_bytes = call->arguments[1],
                                  .kind = VM_ANONYMOUS,
                                  .flags = address != 0 ? (unsigned)VM_EXACT : 0u,
                                  .tag = FRAME_USER,
                                  .name = "memory" };
    enum status status = page_rights(call->arguments[2], &request.rights);
    vaddr_t start;

    if (status == STATUS_OK)
        status = vm_map(call->process->space, &request, &start);
    if (status == STATUS_OK)
        call->result = va_value(start);
    return status;
}

static enum status call_unmap(struct call *call)
{
    return vm_unmap(call->process->space, va(call->arguments[0]), call->arguments[1]);
}

static enum status call_protect(struct call *call)
{
    unsigned rights;
    enum status status = page_rights(call->arguments[2], &rights);

    if (status != STATUS_OK)
        return status;
    return vm_protect(call->process->space, va(call->arguments[0]), call->arguments[1], rights);
}

static enum status write_code(const struct call *call, uintptr_t code)
{
    if (!process_write_to(call->process, call->arguments[0], &code, sizeof code))
        return STATUS_DENIED;
    return STATUS_OK;
}

/* The answer is written once before, so that a bad address is refused while nothing has happened. */
static enum status call_clone(struct call *call)
{
    struct program_end end;
    enum status status = write_code(call, 0);

    if (status == STATUS_OK)
        status = process_run_clone(call->frame, &end);
    if (status == STATUS_OK)
        status = write_code(call, end.faulted ? USER_CLONE_FAULTED : end.code);
    if (status == STATUS_OK)
        call->result = USER_IN_ORIGINAL;
    return status;
}

static enum status (*const handlers[USER_CALL_COUNT])(struct call *call) = {
    [USER_CALL_EXIT] = call_exit,       [USER_CALL_WRITE] = call_write,
    [USER_CALL_MAP] = call_map,         [USER_CALL_UNMAP] = call_unmap,
    [USER_CALL_PROTECT] = call_protect, [USER_CALL_CLONE] = call_clone,
};

uintptr_t user_system_call(const struct trap_frame *frame, const struct arch_user_call *asked)
{
    struct process *process = process_running();
    struct call call = { .process = process, .frame = frame, .arguments = asked->arguments };
    enum status status = STATUS_UNSUPPORTED;

    process->end.calls++;
    trace_call(process, asked);
    if (asked->number < USER_CALL_COUNT)
        status = handlers[asked->number](&call);
    if (status != STATUS_OK)
        process->end.refused++;
    trace_result(process, asked, status, call.result);
    return status == STATUS_OK ? call.result : 0 - (uintptr_t)status;
}
