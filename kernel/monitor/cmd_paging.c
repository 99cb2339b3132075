/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_paging.c - pt: the kernel's page tables at a glance; walk: one address through them.
 *
 * pt visits all leaves of the tables as runs (mm/pt.h), names the window that each lies in, and
 * prints consecutive runs of a window with equal rights as one line: holes in RAM would otherwise
 * make a line each of what is one direct map.
 */

#include "monitor/commands.h"
#include "diag/explain.h"
#include "lib/json.h"
#include "lib/print.h"
#include "mm/paging.h"
#include "lib/format.h"

/* --- names ----------------------------------------------------------------------------------- */

static const char *cache_name(unsigned flags)
{
    switch ((enum pt_cache)(flags & PT_CACHE_MASK)) {
    case PT_WRITE_BACK:
        return "write-back";
    case PT_WRITE_COMBINING:
        return "write-combining";
    case PT_WRITE_THROUGH:
        return "write-through";
    case PT_UNCACHED_MINUS:
        return "uncached-minus";
    case PT_UNCACHED:
        return "uncached";
    }
    return "unknown";
}

/* --- pt -------------------------------------------------------------------------------------- */

#define ADDRESS_DIGITS ((int)(2 * sizeof(uintptr_t)))
#define RIGHTS         (PT_WRITE | PT_EXECUTE | PT_USER | PT_CACHE_MASK)

/* Runs that share a line. */
struct group {
    struct pt_mapping first;
    uint64_t mapped_bytes;
    uintptr_t last_byte;
    unsigned runs;
    bool all; /* -a: every run has a line of its own */
    unsigned lines;
};

static void event_mapping(const struct group *group, const char *rights)
{
    struct json event;

    json_begin(&event, json_console(), "mapping");
    json_address(&event, "address", va_value(group->first.address));
    json_address(&event, "last", group->last_byte);
    json_address(&event, "target", pa_value(group->first.target));
    json_number(&event, "mapped", group->mapped_bytes);
    json_number(&event, "runs", group->runs);
    json_boolean(&event, "write", (group->first.flags & PT_WRITE) != 0);
    json_boolean(&event, "execute", (group->first.flags & PT_EXECUTE) != 0);
    json_boolean(&event, "user", (group->first.flags & PT_USER) != 0);
    json_text(&event, "rights", rights);
    json_text(&event, "cache", cache_name(group->first.flags));
    json_text(&event, "window", explain_window_name(group->first.address));
    json_end(&event);
}

static void print_group(struct group *group)
{
    char rights[16];
    char size[SIZE_TEXT_BYTES];

    if (group->runs == 0)
        return;
    pt_flags_text(group->first.flags, rights);
    print("  0x%0*zx  0x%0*zx  %10s  ", ADDRESS_DIGITS, (size_t)va_value(group->first.address),
          ADDRESS_DIGITS, (size_t)group->last_byte, format_size(group->mapped_bytes, size));
    if (group->all)
        print("0x%012llx", (unsigned long long)pa_value(group->first.target));
    else
        print("%4u", group->runs);
    print("  %-12s  %s\n", rights, explain_window_name(group->first.address));
    event_mapping(group, rights);
    group->lines++;
}

/* Whether a run goes on the line that has been begun. */
static bool belongs(const struct group *group, const struct pt_mapping *run)
{
    return group->runs > 0 && !group->all &&
           (group->first.flags & RIGHTS) == (run->flags & RIGHTS) &&
           explain_window_name(group->first.address) == explain_window_name(run->address);
}

static bool add_run(void *context, const struct pt_mapping *run)
{
    struct group *group = context;

    if (!belongs(group, run)) {
        print_group(group);
        group->first = *run;
        group->mapped_bytes = 0;
        group->runs = 0;
    }
    group->mapped_bytes += run->size_bytes;
    group->last_byte = va_value(run->address) + (uintptr_t)(run->size_bytes - 1);
    group->runs++;
    return true;
}

static void print_tables(const struct page_table *table)
{
    size_t count = pt_count_tables(table);
    char size[SIZE_TEXT_BYTES];
    struct json event;

    print("%s: %zu tables take %s; the root lies at 0x%llx.\n", pt_format_name(table->format),
          count, format_size((uint64_t)count << PAGE_SHIFT, size),
          (unsigned long long)pa_value(table->root));
    json_begin(&event, json_console(), "tables");
    json_text(&event, "format", pt_format_name(table->format));
    json_number(&event, "tables", count);
    json_address(&event, "root", pa_value(table->root));
    json_end(&event);
}

bool command_pt(const struct command_call *call)
{
    const struct page_table *table = paging_kernel_table();
    struct group group = { .all = command_argument_is(call, 0, "-a") };

    if (call->count > 0 && !group.all)
        return command_refuse(call, "'%s' is unknown", call->arguments[0]);
    print("  %-*s  %-*s  %10s  %s  %-12s  %s\n", ADDRESS_DIGITS + 2, "first byte",
          ADDRESS_DIGITS + 2, "last byte", "mapped", group.all ? "physical      " : "runs",
          "rights", "window");
    pt_visit(table, va(0), SIZE_MAX, add_run, &group);
    print_group(&group);
    print_tables(table);
    return true;
}

/* --- walk ------------------------------------------------------------------------------------ */

static void print_step(const struct pt_step *step)
{
    char rights[16];

    print("  %5u  0x%012llx  %5u  0x%016llx  ", step->level,
          (unsigned long long)pa_value(step->table), step->index, (unsigned long long)step->entry);
    if (!step->present) {
        print("not present   <-- the walk ends here\n");
        return;
    }
    pt_flags_text(step->flags, rights);
    print("%-12s  %s 0x%llx%s%s%s\n", rights, step->leaf ? "page " : "table",
          (unsigned long long)pa_value(step->next), step->flags & PT_GLOBAL ? " global" : "",
          step->flags & PT_ACCESSED ? " accessed" : "", step->flags & PT_DIRTY ? " dirty" : "");
}

static void event_walk(vaddr_t address, const struct pt_step *steps, unsigned count)
{
    struct json event;

    json_begin(&event, json_console(), "walk");
    json_address(&event, "address", va_value(address));
    json_boolean(&event, "mapped", steps[count - 1].leaf);
    json_list_begin(&event, "steps");
    for (unsigned i = 0; i < count; i++) {
        json_item_begin(&event);
        json_number(&event, "level", steps[i].level);
        json_address(&event, "table", pa_value(steps[i].table));
        json_number(&event, "index", steps[i].index);
        json_address(&event, "entry", steps[i].entry);
        json_boolean(&event, "present", steps[i].present);
        json_boolean(&event, "leaf", steps[i].leaf);
        json_item_end(&event);
    }
    json_list_end(&event);
    json_end(&event);
}

/* What the walk comes to, all levels together. */
static void print_verdict(const struct page_table *table, vaddr_t address)
{
    struct pt_mapping leaf;
    char size[SIZE_TEXT_BYTES];
    char rights[16];

    if (pt_query(table, address, &leaf) != STATUS_OK) {
        print("Nothing is mapped from 0x%llx to 0x%llx (%s). Window: %s.\n",
              (unsigned long long)va_value(leaf.address),
              (unsigned long long)(va_value(leaf.address) + (uintptr_t)(leaf.size_bytes - 1)),
              format_size(leaf.size_bytes, size), explain_window_name(address));
        return;
    }
    pt_flags_text(leaf.flags, rights);
    print("Physical 0x%llx, %s, %s, in a page of %s. Window: %s.\n",
          (unsigned long long)(pa_value(leaf.target) + va_value(address) - va_value(leaf.address)),
          rights, cache_name(leaf.flags), format_size(leaf.size_bytes, size),
          explain_window_name(address));
}

bool command_walk(const struct command_call *call)
{
    const struct page_table *table = paging_kernel_table();
    struct pt_step steps[PT_MAX_LEVELS];
    uint64_t number;
    vaddr_t address;
    unsigned count;

    if (!command_number(call, 0, &number))
        return false;
    address = va((uintptr_t)number);
    if (number > UINTPTR_MAX || !pt_canonical(table->format, address))
        return command_fail(call, "%s is no address that %s can translate", call->arguments[0],
                            pt_format_name(table->format));
    count = pt_explain(table, address, steps);
    print("  %5s  %-14s  %5s  %-18s  %-12s  %s\n", "level", "table", "index", "entry", "rights",
          "leads to");
    for (unsigned i = 0; i < count; i++)
        print_step(&steps[i]);
    print_verdict(table, address);
    event_walk(address, steps, count);
    return true;
}
