/* SPDX-License-Identifier: BSD-2-Clause
 *
 * paging_check.c - is a kernel page table what it should be?
 *
 * Two questions. Does a table that a loader built agree with what the loader said of it: that is
 * outside input, asked once. And does a table keep the kernel's rules about rights: that can be
 * asked at any time, and is, by self-tests and the monitor. Both walk all of the table, O(leaves).
 *
 * Text must not be writable through any alias, above all not through the direct map. Every run that
 * can be executed is compared with every run that can be written. There are few of the first kind,
 * and none in the direct map, by far the largest part of the table: they are collected in an array
 * beforehand, without it, but with the image where that lies in it. Should the array overflow, all is repeated for the next lot.
 */
#include "lib/log.h"
#include "mm/layout.h"
#include "paging_private.h"

#define DIRECT_MAP_END  (LAYOUT_DIRECT_MAP_START + LAYOUT_DIRECT_MAP_BYTES)

#define EXECUTABLE_RUNS 16

/* --- does the table agree with the handoff? ---------------------------------------------- */

/* A virtual range that must map one physical range, where it maps anything. */
struct expected {
    const char *what;
    uint64_t start;
    uint64_t base;
    unsigned rights;       /* what each run must have of ... */
    unsigned rights_mask;  /* ... these flags */
    uint64_t mapped_bytes; /* found */
    bool wrong;
};

static bool check_expected_run(void *context, const struct pt_mapping *run)
{
    struct expected *expected = context;
    uint64_t offset = va_value(run->address) - expected->start;

    expected->mapped_bytes += run->size_bytes;
    if (pa_value(run->target) == expected->base + offset &&
        (run->flags & expected->rights_mask) == expected->rights)
        return true;
    log_error("paging: %s: 0x%llx maps 0x%llx with flags 0x%x, where the handoff says 0x%llx",
              expected->what, (unsigned long long)va_value(run->address),
              (unsigned long long)pa_value(run->target), run->flags,
              (unsigned long long)(expected->base + offset));
    expected->wrong = true;
    return false;
}

/* `whole`: all of it must be mapped, else at least something. */
static enum status check_expected(const struct page_table *table, struct expected *expected,
                                  uint64_t size_bytes, bool whole)
{
    pt_visit(table, va((uintptr_t)expected->start), (size_t)size_bytes, check_expected_run,
             expected);
    if (expected->wrong)
        return STATUS_CORRUPT;
    if (expected->mapped_bytes != 0 && (!whole || expected->mapped_bytes == size_bytes))
        return STATUS_OK;
    log_error("paging: %s: 0x%llx of 0x%llx bytes are mapped at 0x%llx; the loader is broken",
              expected->what, (unsigned long long)expected->mapped_bytes,
              (unsigned long long)size_bytes, (unsigned long long)expected->start);
    return STATUS_CORRUPT;
}

/* A physical range that the kernel reaches through the direct map. */
static enum status check_reachable(const struct page_table *table, const struct handoff *handoff,
                                   const char *what, uint64_t base, uint64_t size_bytes)
{
    struct expected expected = { .what = what,
                                 .start = handoff->direct_map_va + base,
                                 .base = base };

    return check_expected(table, &expected, size_bytes, true);
}

static enum status check_guard(const struct page_table *table, uint64_t address)
{
    struct pt_mapping mapping;

    if (pt_query(table, va((uintptr_t)address), &mapping) != STATUS_OK)
        return STATUS_OK;
    log_error("paging: the guard page 0x%llx of the first stack is mapped",
              (unsigned long long)address);
    return STATUS_CORRUPT;
}

static enum status check_image(const struct page_table *table, const struct handoff *handoff)
{
    struct expected image = { .what = "kernel image",
                              .start = handoff->kernel_va,
                              .base = handoff->kernel_base };

    return check_expected(table, &image, handoff->kernel_bytes, false);
}

static enum status check_direct_map(const struct page_table *table, const struct handoff *handoff)
{
    struct expected map = { .what = "direct map", .start = handoff->direct_map_va, .base = 0 };

    return check_expected(table, &map, DIRECT_MAP_END - handoff->direct_map_va, false);
}

static enum status check_stack(const struct page_table *table, const struct handoff *handoff)
{
    struct expected stack = { .what = "stack",
                              .start = handoff->stack_va,
                              .base = handoff->stack_base,
                              .rights = PT_WRITE,
                              .rights_mask = PT_WRITE | PT_USER };
    enum status status = check_expected(table, &stack, handoff->stack_bytes, true);

    if (status == STATUS_OK)
        status = check_guard(table, handoff->stack_va - PAGE_SIZE);
    if (status == STATUS_OK)
        status = check_guard(table, handoff->stack_va + handoff->stack_bytes);
    return status;
}

/* Whether the addresses that the handoff names lie in their windows, whole pages all of them. */
static enum status check_windows(const struct handoff *handoff)
{
    const struct {
        const char *what;
        uint64_t start, size_bytes, window, window_bytes;
    } claims[] = {
        { "kernel image", handoff->kernel_va, handoff->kernel_bytes, LAYOUT_IMAGE_START,
          LAYOUT_IMAGE_BYTES },
        { "direct map", handoff->direct_map_va, PAGE_SIZE, LAYOUT_DIRECT_MAP_START,
          LAYOUT_DIRECT_MAP_BYTES },
        { "stack", handoff->stack_va, handoff->stack_bytes, LAYOUT_STACKS_START,
          LAYOUT_STACKS_BYTES },
    };

    for (size_t i = 0; i < ARRAY_COUNT(claims); i++) {
        uint64_t offset = claims[i].start - claims[i].window;

        if (claims[i].start % PAGE_SIZE == 0 && claims[i].size_bytes != 0 &&
            offset < claims[i].window_bytes &&
            claims[i].size_bytes <= claims[i].window_bytes - offset)
            continue;
        log_error("paging: %s: 0x%llx bytes at 0x%llx are not within its window at 0x%llx",
                  claims[i].what, (unsigned long long)claims[i].size_bytes,
                  (unsigned long long)claims[i].start, (unsigned long long)claims[i].window);
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

enum status paging_check_adopted(const struct page_table *table, const struct handoff *handoff)
{
    enum status status = check_windows(handoff);

    if (status == STATUS_OK)
        status = check_image(table, handoff);
    if (status == STATUS_OK)
        status = check_direct_map(table, handoff);
    if (status == STATUS_OK)
        status = check_stack(table, handoff);
    if (status == STATUS_OK)
        status = check_reachable(table, handoff, "root of the page tables", handoff->table_root,
                                 PAGE_SIZE);
    if (status == STATUS_OK && handoff->arena_bytes != 0)
        status =
            check_reachable(table, handoff, "arena", handoff->arena_base, handoff->arena_bytes);
    return status;
}

/* --- does it keep the rules? ------------------------------------------------------------- */

struct audit {
    const struct page_table *table;
    struct pt_mapping executable[EXECUTABLE_RUNS];
    size_t executable_count; /* in the array */
    size_t executable_seen;  /* in this walk */
    size_t executable_done;  /* dealt with by earlier rounds */
    bool failed;
};

static bool audit_complain(struct audit *audit, const char *what, const struct pt_mapping *run)
{
    char rights[16];

    pt_flags_text(run->flags, rights);
    log_error("paging: [0x%016llx, 0x%llx bytes] -> 0x%llx %s: %s",
              (unsigned long long)va_value(run->address), (unsigned long long)run->size_bytes,
              (unsigned long long)pa_value(run->target), rights, what);
    audit->failed = true;
    return false;
}

static bool is_executable(const struct audit *audit, const struct pt_mapping *run)
{
    return audit->table->no_execute && (run->flags & PT_EXECUTE) != 0;
}

static bool collect_executable(void *context, const struct pt_mapping *run)
{
    struct audit *audit = context;

    if (!is_executable(audit, run))
        return true;
    if (audit->executable_seen >= audit->executable_done &&
        audit->executable_count < EXECUTABLE_RUNS)
        audit->executable[audit->executable_count++] = *run;
    audit->executable_seen++;
    return true;
}

static bool is_alias(const struct audit *audit, const struct pt_mapping *run)
{
    for (size_t i = 0; i < audit->executable_count; i++) {
        const struct pt_mapping *text = &audit->executable[i];

        if (pa_value(run->target) < pa_value(text->target) + text->size_bytes &&
            pa_value(text->target) < pa_value(run->target) + run->size_bytes)
            return true;
    }
    return false;
}

/* Where the image has no window of its own, it lies in the direct map. */
static bool in_image(const struct pt_mapping *run)
{
    return va_value(run->address) - LAYOUT_IMAGE_START < LAYOUT_IMAGE_BYTES;
}

static bool audit_run(void *context, const struct pt_mapping *run)
{
    struct audit *audit = context;

    if (va_value(run->address) < LAYOUT_KERNEL_HALF)
        return audit_complain(audit, "mapped below the kernel's half", run);
    if ((run->flags & PT_USER) != 0)
        return audit_complain(audit, "open to user mode", run);
    if (is_executable(audit, run) && (run->flags & PT_WRITE) != 0)
        return audit_complain(audit, "writable and executable", run);
    if (is_executable(audit, run) && va_value(run->address) < DIRECT_MAP_END && !in_image(run))
        return audit_complain(audit, "executable in the direct map", run);
    if ((run->flags & PT_WRITE) != 0 && is_alias(audit, run))
        return audit_complain(audit, "a writable alias of executable memory", run);
    return true;
}

enum status paging_check_rights(const struct page_table *table)
{
    struct audit audit = { .table = table };

    do {
        audit.executable_count = 0;
        audit.executable_seen = 0;
        if (LAYOUT_IMAGE_START < DIRECT_MAP_END)
            pt_visit(table, va(LAYOUT_IMAGE_START), LAYOUT_IMAGE_BYTES, collect_executable, &audit);
        pt_visit(table, va(DIRECT_MAP_END), (size_t)0 - DIRECT_MAP_END, collect_executable, &audit);
        pt_visit(table, va(0), SIZE_MAX, audit_run, &audit);
        audit.executable_done += audit.executable_count;
    } while (!audit.failed && audit.executable_done < audit.executable_seen);
    return audit.failed ? STATUS_DENIED : STATUS_OK;
}
