/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_tour.c - tour: a lesson in memory management, done for real.
 *
 *     frame ──> area ──> touch ──> two spaces ──> copy-on-write ──> guard ──> object ──> all back
 *
 * Each step does one thing on the running machine and shows what became of it, so every number is the
 * machine's own. What a step makes is kept in `lesson` and given back by the last step, or when the tour is
 * left early; at the end as many frames are free as at the beginning, but for those that a page-table
 * window and the heap keep.
 */

#include "monitor/commands.h"
#include "arch/cpu.h"
#include "arch/trap.h"
#include "dev/console.h"
#include "diag/diag.h"
#include "diag/paragraph.h"
#include "lib/format.h"
#include "lib/json.h"
#include "lib/print.h"
#include "mm/heap.h"
#include "mm/memmap.h"
#include "mm/pmm.h"
#include "mm/vmm.h"

#define AREA_BYTES   (4 * PAGE_SIZE)
#define OBJECT_BYTES 100

/* What the tour holds. */
static struct lesson {
    const struct handoff_view *machine;
    bool has_frame;
    pfn_t frame;
    bool has_area;
    vaddr_t area;
    struct vm_space *spaces[2];
    vaddr_t user;
    void *object;
    uint64_t free_before;
} lesson;

[[gnu::format(printf, 1, 2)]] static void say(const char *format, ...)
{
    struct paragraph paragraph;
    va_list arguments;

    paragraph_begin(&paragraph, console_sink(), "", 2);
    va_start(arguments, format);
    print_to_va(&paragraph.sink, format, arguments);
    va_end(arguments);
    paragraph_end(&paragraph);
}

static uint64_t free_frames(void)
{
    struct pmm_stats stats;

    pmm_get_stats(&stats);
    return stats.free_frames;
}

/* --- the steps; false: it could not be done --------------------------------------------------- */

static bool look_at_map(void)
{
    struct memmap_totals totals;
    char usable[SIZE_TEXT_BYTES], described[SIZE_TEXT_BYTES];

    memmap_total(&lesson.machine->map, &totals);
    say("The firmware left a map of what lies at which physical address. The kernel made of it a "
        "table "
        "of %zu regions that it can trust: %s are described, and %s of that are usable. %zu "
        "changes "
        "were needed; 'map -d' lists them, 'map' shows the table.",
        lesson.machine->map.count, format_size(totals.described, described),
        format_size(totals.usable, usable), lesson.machine->map.change_count);
    return true;
}

static bool take_frame(void)
{
    lesson.has_frame = pmm_alloc_frame(FRAME_TEST, &lesson.frame) == STATUS_OK;
    if (!lesson.has_frame)
        return false;
    say("Usable memory is handed out in frames of 4 KiB. pmm_alloc_frame() gave frame %llu, which "
        "is "
        "at physical 0x%llx. This is all that is known of it:",
        (unsigned long long)pfn_value(lesson.frame),
        (unsigned long long)pa_value(pfn_to_pa(lesson.frame)));
    explain_show(lesson.machine, EXPLAIN_PHYSICAL, pa_value(pfn_to_pa(lesson.frame)));
    return true;
}

static bool map_area(void)
{
    const struct vm_request request = { .size_bytes = AREA_BYTES,
                                        .rights = PT_WRITE,
                                        .kind = VM_ANONYMOUS,
                                        .flags = VM_GUARDED,
                                        .tag = FRAME_TEST,
                                        .name = "the tour" };

    lesson.has_area = vm_map(vm_kernel(), &request, &lesson.area) == STATUS_OK;
    if (!lesson.has_area)
        return false;
    say("Programs see virtual addresses. vm_map() set four pages aside at 0x%llx, and took no "
        "frame "
        "for them: no entry of the page tables is present yet, so the walk fails.",
        (unsigned long long)va_value(lesson.area));
    explain_show(lesson.machine, EXPLAIN_VIRTUAL, va_value(lesson.area));
    return true;
}

static bool touch_area(void)
{
    uint64_t before = free_frames();

    *(volatile uint32_t *)va_ptr(lesson.area) = 42;
    say("Writing 42 there made the processor fault. The kernel found the area, took a zeroed "
        "frame, wrote the "
        "page-table entry and let the instruction run again. %llu frames are free, there were "
        "%llu; where "
        "a table was missing, it took a frame, too.",
        (unsigned long long)free_frames(), (unsigned long long)before);
    explain_show(lesson.machine, EXPLAIN_VIRTUAL, va_value(lesson.area));
    return true;
}

static bool show_shared(void)
{
    struct pt_mapping leaf;

    if (pt_query(vm_space_table(lesson.spaces[0]), lesson.user, &leaf) != STATUS_OK)
        return false;
    explain_show(lesson.machine, EXPLAIN_PHYSICAL, pa_value(leaf.target));
    return true;
}

static bool make_spaces(void)
{
    const struct vm_request request = { .size_bytes = PAGE_SIZE,
                                        .rights = PT_WRITE | PT_USER,
                                        .kind = VM_ANONYMOUS,
                                        .flags = VM_POPULATE,
                                        .tag = FRAME_USER,
                                        .name = "a program's page" };

    if (vm_space_create(&lesson.spaces[0]) != STATUS_OK ||
        vm_map(lesson.spaces[0], &request, &lesson.user) != STATUS_OK ||
        vm_space_clone(lesson.spaces[0], &lesson.spaces[1]) != STATUS_OK)
        return false;
    say("Two programs have address spaces of their own, the second a copy of the first. The page "
        "at "
        "0x%llx was not copied: both map one frame, which has two references now, and neither may "
        "write to it "
        "until it gets a frame of its own (copy-on-write).",
        (unsigned long long)va_value(lesson.user));
    return show_shared();
}

static void touch_guard(void *context)
{
    (void)context;
    *(volatile uint32_t *)va_ptr(va_add(lesson.area, AREA_BYTES)) = 43;
}

static bool fault(void)
{
    struct trap_info info;
    char sentence[160];

    if (!arch_trap_try(touch_guard, NULL, &info))
        return false;
    diag_sentence(&info, sentence, sizeof(sentence));
    say("Behind the four pages nothing is mapped, on purpose. A write to the first byte there:");
    say("\"%s.\"", sentence);
    say("The tour had expected it. A kernel that had not would show a report: 'fault try null'.");
    return true;
}

static bool allocate_object(void)
{
    lesson.object = kmalloc_tagged(OBJECT_BYTES, HEAP_TAG_MONITOR, 0);
    if (lesson.object == NULL)
        return false;
    say("Few things are as large as a page. kmalloc(%d) gave %zu bytes at %p, cut from a slab of "
        "objects of one size:",
        OBJECT_BYTES, kmalloc_usable(lesson.object), lesson.object);
    explain_show(lesson.machine, EXPLAIN_VIRTUAL, (uintptr_t)lesson.object);
    return true;
}

static void give_back(void)
{
    (void)kfree(lesson.object);
    lesson.object = NULL;
    for (unsigned i = ARRAY_COUNT(lesson.spaces); i-- > 0; lesson.spaces[i] = NULL)
        if (lesson.spaces[i] != NULL)
            vm_space_destroy(lesson.spaces[i]);
    if (lesson.has_area)
        (void)vm_unmap(vm_kernel(), lesson.area, AREA_BYTES);
    if (lesson.has_frame)
        (void)pmm_free_frame(lesson.frame);
    lesson.has_area = lesson.has_frame = false;
}

static bool finish(void)
{
    give_back();
    say("kfree(), vm_space_destroy(), vm_unmap() and pmm_free_frame() gave everything back: a "
        "frame is "
        "free when its last reference goes. %llu frames are free, %llu were at the beginning; page "
        "tables "
        "of the kernel and a slab may be kept for the next time.",
        (unsigned long long)free_frames(), (unsigned long long)lesson.free_before);
    say("Go on with 'map', 'frames', 'pt', 'heap', 'explain ADDRESS', or 'run tour' for a "
        "program's side.");
    return true;
}

/* --- the tour -------------------------------------------------------------------------------- */

static const struct {
    const char *title;
    bool (*run)(void);
} steps[] = {
    { "What memory there is", look_at_map },
    { "A frame", take_frame },
    { "An area", map_area },
    { "A touch", touch_area },
    { "Two programs, one frame", make_spaces },
    { "A fault", fault },
    { "An object", allocate_object },
    { "All of it back", finish },
};

static void event_step(unsigned number)
{
    struct json event;

    json_begin(&event, json_console(), "tour_step");
    json_number(&event, "number", number + 1);
    json_text(&event, "title", steps[number].title);
    json_number(&event, "free", free_frames());
    json_end(&event);
}

/* Until a key; false when it ends the tour. */
static bool wait_for_key(void)
{
    char key;

    if (!console_has_input())
        return true;
    print("  -- any key goes on, q ends the tour --");
    while (!console_read(&key))
        arch_cpu_relax();
    print("\n");
    return (key | 0x20) != 'q' && key != '\x03';
}

static bool run_step(const struct command_call *call, unsigned number)
{
    print("\n%u of %zu. %s\n", number + 1, ARRAY_COUNT(steps), steps[number].title);
    if (!steps[number].run())
        return command_fail(call, "step %u could not be done: memory is short", number + 1);
    event_step(number);
    return true;
}

bool command_tour(const struct command_call *call)
{
    bool all = command_argument_is(call, 0, "all");
    bool done = true;

    if (call->count > 0 && !all)
        return command_refuse(call, "'%s' is unknown", call->arguments[0]);
    lesson = (struct lesson){ .machine = call->machine, .free_before = free_frames() };
    for (unsigned i = 0; i < ARRAY_COUNT(steps) && done; i++) {
        done = run_step(call, i);
        if (done && !all && i + 1 < ARRAY_COUNT(steps) && !wait_for_key())
            break;
    }
    give_back();
    return done;
}
