/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selftest_vmm.c - areas of the kernel's space under random load, against a model of single pages.
 *
 * A playground of PAGES pages is found in the window for areas. Areas are mapped, unmapped and
 * protected in it at random, and its pages read and written. The model knows for each page
 * whether anything is there, whether it may be written, and what was last written; the VMM must
 * agree on every page at any time, and every access that the model forbids must fault.
 */

#include "diag/selftest_case.h"
#include "lib/string.h"
#include "mm/pmm.h"
#include "mm/vmm.h"

#define PAGES      192
#define LONGEST    24 /* pages of one request */
#define OPERATIONS 3000

static const char area_name[] = "self-test";

struct page {
    enum { NOTHING, GUARD, ANONYMOUS } kind;
    unsigned rights; /* 0 or PT_WRITE */
    uint64_t value;
};

static struct page pages[PAGES];
static vaddr_t playground;

static vaddr_t page_address(unsigned page)
{
    return va_add(playground, page * PAGE_SIZE);
}

static volatile uint64_t *page_word(unsigned page)
{
    return va_ptr(page_address(page));
}

/* A stretch of pages; and the first of them that is (or is not) of a kind, or `end`. */
struct span {
    unsigned start;
    unsigned end;
};

static struct span random_span(struct selftest *test)
{
    unsigned start = selftest_below(test, PAGES);
    unsigned end = start + 1 + selftest_below(test, LONGEST);

    return (struct span){ start, end < PAGES ? end : PAGES };
}

static bool has_kind(struct span span, int kind)
{
    for (unsigned i = span.start; i < span.end; i++) {
        if ((int)pages[i].kind == kind)
            return true;
    }
    return false;
}

static size_t span_bytes(struct span span)
{
    return (span.end - span.start) * PAGE_SIZE;
}

/* --- operations ------------------------------------------------------------------------------ */

static bool map(struct selftest *test)
{
    struct span span = random_span(test);
    bool guard = selftest_below(test, 5) == 0;
    struct vm_request request = {
        .address = page_address(span.start),
        .size_bytes = span_bytes(span),
        .rights = guard || selftest_below(test, 3) == 0 ? 0 : PT_WRITE,
        .kind = guard ? VM_GUARD : VM_ANONYMOUS,
        .flags = VM_EXACT | (!guard && selftest_below(test, 4) == 0 ? VM_POPULATE : 0u),
        .tag = FRAME_TEST,
        .name = area_name,
    };
    bool free = !has_kind(span, GUARD) && !has_kind(span, ANONYMOUS);
    vaddr_t start = va(0);
    enum status status = vm_map(vm_kernel(), &request, &start);

    for (unsigned i = span.start; free && i < span.end; i++)
        pages[i] = (struct page){ guard ? GUARD : ANONYMOUS, request.rights, 0 };
    if (free)
        return selftest_ok(test, status, "mapping a free range") &&
               selftest_check(test, va_equal(start, request.address), "an exact request was moved");
    return selftest_check(test, status == STATUS_EXISTS, "mapping over an area: %s",
                          status_name(status));
}

static bool unmap(struct selftest *test)
{
    struct span span = random_span(test);
    enum status status = vm_unmap(vm_kernel(), page_address(span.start), span_bytes(span));
    bool empty = !has_kind(span, GUARD) && !has_kind(span, ANONYMOUS);

    for (unsigned i = span.start; i < span.end; i++)
        pages[i] = (struct page){ .kind = NOTHING };
    return selftest_check(test, status == STATUS_OK || (empty && status == STATUS_NOT_FOUND),
                          "unmapping: %s", status_name(status));
}

static bool protect(struct selftest *test)
{
    struct span span = random_span(test);
    unsigned rights = selftest_below(test, 2) == 0 ? 0 : PT_WRITE;
    enum status status;

    if (has_kind(span, GUARD))
        return true;
    status = vm_protect(vm_kernel(), page_address(span.start), span_bytes(span), rights);
    if (has_kind(span, NOTHING))
        return selftest_check(test, status == STATUS_NOT_FOUND, "protecting a hole: %s",
                              status_name(status));
    for (unsigned i = span.start; i < span.end; i++)
        pages[i].rights = rights;
    return selftest_ok(test, status, "protecting");
}

/* W+X is refused, and leaves everything as it was. */
static bool protect_wrongly(struct selftest *test)
{
    struct span span = random_span(test);
    enum status status =
        vm_protect(vm_kernel(), page_address(span.start), span_bytes(span), PT_WRITE | PT_EXECUTE);

    return selftest_check(test, status == STATUS_DENIED || status == STATUS_NOT_FOUND,
                          "making memory W+X: %s", status_name(status));
}

static bool check_fault(struct selftest *test, unsigned page, bool faulted, bool expected,
                        const struct trap_info *info)
{
    if (!selftest_check(test, faulted == expected, "page %u: an access %s", page,
                        faulted ? "faulted that is allowed" : "is allowed that should fault"))
        return false;
    return !faulted || selftest_check(test,
                                      info->kind == TRAP_PAGE_FAULT &&
                                          va_equal(info->address, page_address(page)),
                                      "page %u: %s at 0x%llx", page, info->name,
                                      (unsigned long long)va_value(info->address));
}

static bool read_page(struct selftest *test, unsigned page)
{
    struct trap_info info;
    bool faulted = selftest_read_faults(page_address(page), &info);

    if (!check_fault(test, page, faulted, pages[page].kind != ANONYMOUS, &info) || faulted)
        return !test->failed;
    return selftest_check(test, *page_word(page) == pages[page].value,
                          "page %u: 0x%llx is not what was written", page,
                          (unsigned long long)*page_word(page));
}

static bool write_page(struct selftest *test, unsigned page)
{
    bool allowed = pages[page].kind == ANONYMOUS && pages[page].rights == PT_WRITE;
    struct trap_info info;
    bool faulted = selftest_write_faults(page_address(page), &info);

    if (!check_fault(test, page, faulted, !allowed, &info) || faulted)
        return !test->failed;
    pages[page].value = selftest_random(test);
    *page_word(page) = pages[page].value;
    return true;
}

/* The VMM and the model agree about a page. */
static bool query(struct selftest *test, unsigned page)
{
    struct vm_area_info area;
    enum status status = vm_query(vm_kernel(), page_address(page), &area);

    if (pages[page].kind == NOTHING)
        return selftest_check(test, status == STATUS_NOT_FOUND, "page %u: an area in a hole", page);
    if (!selftest_ok(test, status, "querying an area"))
        return false;
    return selftest_check(test,
                          area.kind == (pages[page].kind == GUARD ? VM_GUARD : VM_ANONYMOUS) &&
                              (area.kind == VM_GUARD || area.rights == pages[page].rights) &&
                              strcmp(area.name, area_name) == 0,
                          "page %u: the area '%s' has kind %d, rights 0x%x", page, area.name,
                          (int)area.kind, area.rights);
}

static bool step(struct selftest *test)
{
    unsigned page = selftest_below(test, PAGES);

    switch (selftest_below(test, 16)) {
    case 0:
    case 1:
    case 2:
        return map(test);
    case 3:
    case 4:
        return unmap(test);
    case 5:
        return protect(test);
    case 6:
        return protect_wrongly(test);
    case 7:
    case 8:
    case 9:
    case 10:
        return read_page(test, page);
    case 11:
    case 12:
    case 13:
        return write_page(test, page);
    default:
        return query(test, page);
    }
}

/* --- the load -------------------------------------------------------------------------------- */

/* A range that is free: where an area of that size goes by itself. */
static bool find_playground(struct selftest *test)
{
    struct vm_request request = {
        .size_bytes = PAGES * PAGE_SIZE, .kind = VM_GUARD, .tag = FRAME_TEST, .name = area_name
    };

    memset(pages, 0, sizeof pages);
    return selftest_ok(test, vm_map(vm_kernel(), &request, &playground), "finding a free range") &&
           selftest_ok(test, vm_unmap(vm_kernel(), playground, PAGES * PAGE_SIZE),
                       "leaving it free");
}

void selftest_vmm(struct selftest *test)
{
    if (!find_playground(test))
        return;
    for (int i = 0; i < OPERATIONS && step(test); i++) {
        if (i % 256 == 0 && !selftest_ok(test, vm_space_check(vm_kernel()), "the areas' own check"))
            break;
    }
    (void)vm_unmap(vm_kernel(), playground, PAGES * PAGE_SIZE);
    (void)selftest_ok(test, vm_space_check(vm_kernel()), "the areas' own check after the load");
}
