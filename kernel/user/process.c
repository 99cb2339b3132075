/* SPDX-License-Identifier: BSD-2-Clause
 *
 * process.c - how a program is started, runs, and ends.
 *
 * Its space is made and filled while nothing can run in it: segments are mapped writable, copied
 * into, and get their rights last, so that nothing is ever both writable and executable. Then ring 3
 * is entered, which looks like a call that takes long. However it ends, the space, the kernel stack
 * and all frames are given back here; the caller gets the numbers of free frames from before and
 * after, to see that this is so.
 *
 * Time is counted in ticks that come in ring 3; one that comes in a system call waits until its end, and comes
 * there. What is ended with its time used up ends whoever it is a clone of at the next tick, too.
 */
#include "diag/diag.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "mm/kstack.h"
#include "mm/pmm.h"
#include "process.h"
#include "program_elf.h"
#include "smp/smp.h"
#include "user/abi.h"

static struct process *running;

/* Ticks in ring 3: of the program that runs and its clones together. */
static struct {
    unsigned most; /* 0: no bound */
    unsigned used;
} ticks;

/* --- the space --------------------------------------------------------------------------- */

static const char *segment_name(unsigned rights)
{
    return rights & USER_EXECUTE ? "text" : rights & USER_WRITE ? "data" : "constants";
}

static unsigned page_rights(unsigned rights)
{
    return PT_USER | (rights & USER_WRITE ? (unsigned)PT_WRITE : 0u) |
           (rights & USER_EXECUTE ? (unsigned)PT_EXECUTE : 0u);
}

static enum status map_area(struct vm_space *space, struct vm_request request)
{
    vaddr_t start;

    request.flags |= VM_EXACT;
    request.tag = FRAME_USER;
    return vm_map(space, &request, &start);
}

/* The space is the current one. */
static enum status load_segment(struct vm_space *space, const struct program_segment *segment)
{
    vaddr_t start = va((uintptr_t)segment->start);
    enum status status = map_area(space, (struct vm_request){
                                             .address = start,
                                             .size_bytes = (size_t)segment->memory_bytes,
                                             .rights = PT_USER | PT_WRITE,
                                             .kind = VM_ANONYMOUS,
                                             .name = segment_name(segment->rights),
                                         });

    if (status != STATUS_OK)
        return status;
    if (!arch_user_copy(va_ptr(start), segment->bytes, (size_t)segment->file_bytes))
        return STATUS_NO_MEMORY;
    return vm_protect(space, start, (size_t)segment->memory_bytes, page_rights(segment->rights));
}

static uintptr_t stack_top(const struct process *process)
{
    return USER_STACK_TOP + process->stack_slide;
}

/* The stack slides as far as the window below it, and then by itself: they cannot meet. */
static void slide(struct process *process)
{
    process->map_slide = vm_slide(USER_SLIDE_MOST);
    process->stack_slide = process->map_slide + vm_slide(USER_SLIDE_MOST);
}
static_assert(USER_SLIDE_MOST <= (UINTPTR_MAX / 4 * 3 - USER_STACK_TOP) / 2,
              "a stack lies in the lower half, also with i386's 3 GiB");

/* The limit keeps a stack from growing for ever: it may not come near what lies below it. */
static enum status map_stack(const struct process *process)
{
    struct vm_space *space = process->space;
    enum status status =
        map_area(space, (struct vm_request){ .address = va(stack_top(process) - USER_STACK_BYTES),
                                             .size_bytes = USER_STACK_BYTES,
                                             .rights = PT_USER | PT_WRITE,
                                             .kind = VM_ANONYMOUS,
                                             .flags = VM_GROWS_DOWN,
                                             .name = "stack" });

    if (status != STATUS_OK)
        return status;
    return map_area(space,
                    (struct vm_request){ .address = va(USER_LIMIT_START + process->stack_slide),
                                         .size_bytes = PAGE_SIZE,
                                         .kind = VM_GUARD,
                                         .name = "stack limit" });
}

/* Fills the space, which is current. */
static enum status load(const struct process *process, vaddr_t *entry)
{
    const struct program *program = process->program;
    struct program_layout layout;
    enum status status =
        program_elf_read(sizeof(uintptr_t) == 8 ? &program_elf_64 : &program_elf_32, program->image,
                         (size_t)(program->image_end - program->image), &layout);

    for (unsigned i = 0; status == STATUS_OK && i < layout.segment_count; i++)
        status = load_segment(process->space, &layout.segments[i]);
    if (status == STATUS_OK)
        status = map_stack(process);
    if (status == STATUS_OK)
        *entry = va((uintptr_t)layout.entry);
    return status;
}

uintptr_t process_end_of_space(const struct process *process)
{
    return va_value(pt_format_lower_end(vm_space_table(process->space)->format));
}

/* --- running ----------------------------------------------------------------------------- */

struct process *process_running(void)
{
    return running;
}

const char *program_running(void)
{
    return running != NULL ? running->program->name : NULL;
}

static void run_from_entry(struct process *process, const struct trap_frame *frame, vaddr_t entry)
{
    spin_expect_none("ring 3");
    if (frame != NULL)
        arch_user_enter_copy(frame, USER_IN_CLONE, process->kernel_stack);
    else
        arch_user_enter(entry, va(stack_top(process)), process_end_of_space(process),
                        process->kernel_stack);
}

/* Runs `process`, which has a space, to its end: from a program's entry, or as a clone from a
 * system call's return. Gives the space back. */
static enum status run(struct process *process, const struct trap_frame *frame)
{
    struct vm_space *before = vm_space_current();
    vaddr_t entry = va(0);
    enum status status = kstack_create(process->program->name, &process->kernel_stack);

    if (status != STATUS_OK) {
        vm_space_destroy(process->space);
        return status;
    }
    vm_space_switch(process->space);
    if (frame == NULL)
        status = load(process, &entry);
    if (status == STATUS_OK) {
        process->outer = running;
        running = process;
        run_from_entry(process, frame, entry);
        running = process->outer;
        process_end_line(process);
    }
    vm_space_switch(before);
    vm_space_destroy(process->space);
    kstack_destroy(process->kernel_stack);
    return status;
}

enum status process_run_clone(const struct trap_frame *frame, struct program_end *end)
{
    struct process clone = { .program = running->program,
                             .spaces = running->spaces + 1,
                             .map_slide = running->map_slide,
                             .stack_slide = running->stack_slide,
                             .flags = running->flags };
    enum status status;

    if (running->spaces == USER_SPACES_MOST)
        return STATUS_NO_SPACE;
    process_end_line(running);
    status = vm_space_clone(running->space, &clone.space);
    if (status != STATUS_OK)
        return status;
    trace_clone(running, "the clone runs");
    status = run(&clone, frame);
    trace_clone(running, "the clone has ended; its original goes on");
    if (status != STATUS_OK)
        return status;
    *end = clone.end;
    running->end.calls += clone.end.calls;
    running->end.refused += clone.end.refused;
    running->end.faults += clone.end.faults;
    return STATUS_OK;
}

static uint64_t free_frames(void)
{
    struct pmm_stats stats;

    pmm_get_stats(&stats);
    return stats.free_frames;
}

unsigned program_seconds(void)
{
    unsigned hertz = smp_tick_hertz();

    return hertz != 0 ? ticks.most / hertz : 0;
}

enum status program_run(const char *name, unsigned flags, unsigned most_ticks,
                        struct program_end *end)
{
    const struct program *program = program_find(name);
    struct process process = { .program = program, .spaces = 1 };
    uint64_t before = free_frames();
    enum status status;

    if (program == NULL)
        return STATUS_NOT_FOUND;
    process.flags = flags | (flags & PROGRAM_SILENT ? 0u : program->flags);
    ticks.most = most_ticks;
    ticks.used = 0;
    slide(&process);
    status = vm_space_create(&process.space);
    if (status == STATUS_OK)
        status = run(&process, NULL);
    if (status != STATUS_OK)
        return status;
    *end = process.end;
    end->frames_before = before;
    end->frames_after = free_frames();
    return STATUS_OK;
}

/* --- ending ------------------------------------------------------------------------------ */

void process_exit(uintptr_t code)
{
    running->end.code = code;
    arch_user_leave();
}

void user_exception(const struct trap_frame *frame)
{
    struct program_end *end = &running->end;
    struct vm_area_info area;

    end->faulted = true;
    arch_trap_describe(frame, &end->fault);
    if (end->fault.kind == TRAP_PAGE_FAULT &&
        vm_query(running->space, end->fault.address, &area) == STATUS_OK)
        end->area = area.name;
    diag_sentence(&end->fault, end->sentence, sizeof end->sentence);
    process_end_line(running);
    if ((running->flags & PROGRAM_SILENT) == 0)
        diag_report(frame, running->program->name);
    arch_user_leave();
}

void user_tick(const struct trap_frame *frame)
{
    ticks.used++;
    if (ticks.most != 0 && ticks.used >= ticks.most)
        user_exception(frame);
}

void user_fault_resolved(const struct trap_info *info)
{
    running->end.faults++;
    trace_fault(running, info);
}
