/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report_walk.c - the walk of an address through page tables, as reports show it.
 */
#include "report_walk.h"

#include "lib/print.h"

static void print_step(const struct pt_step *step)
{
    char rights[16] = "";

    if (step->leaf)
        pt_flags_text(step->flags, rights);
    print("  level %u  table 0x%llx[%u]  entry 0x%016llx  ", step->level,
          (unsigned long long)pa_value(step->table), step->index, (unsigned long long)step->entry);
    if (!step->present)
        print("not present\n");
    else
        print("%s 0x%llx%s%s\n", step->leaf ? "frame" : "table",
              (unsigned long long)pa_value(step->next), step->leaf ? " " : "", rights);
}

void report_walk(const struct page_table *table, vaddr_t address)
{
    struct pt_step steps[PT_MAX_LEVELS];
    unsigned count = pt_explain(table, address, steps);

    if (count == 0)
        return; /* no such address */
    print("page walk of 0x%llx:\n", (unsigned long long)va_value(address));
    for (unsigned i = 0; i < count; i++)
        print_step(&steps[i]);
}
