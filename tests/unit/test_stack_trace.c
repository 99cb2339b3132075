/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_stack_trace.c - properties of kernel/diag/symbols.h and stack_trace.h, on a table and a
 * chain of frames made up here.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/trap.h"
#include "diag/diag.h"
#include "diag/stack_trace.h"
#include "diag/lines.h"
#include "diag/symbols.h"
#include "host_log.h"

/* An image of 0x100 bytes: text until 0x80. */
__asm__(".pushsection .rodata\n"
        ".globl kernel_start, kernel_text_end\n"
        "kernel_start: .zero 0x80\n"
        "kernel_text_end: .zero 0x80\n"
        ".popsection\n");
extern const char kernel_start[];

const uint32_t ksyms_count = 4;
const uint32_t ksyms_offsets[] = { 0x10, 0x20, 0x21, 0x60 };
const uint32_t ksyms_name_offsets[] = { 0, 6, 10, 14 };
const char ksyms_names[] = "entry\0one\0two\0last";

/* From 0x10 line 10 of a.c, from 0x20 line 7, from 0x28 line 1,007 of b.h, from 0x60 nothing. */
const uint8_t klines_table[] = {
    0x21, 1, 10, 0x20, 0x7d, 0x11, 2, 0xe8, 0x07, 0x71, 0, 0x91, 0x78
};
const uint32_t klines_bytes = sizeof(klines_table);
const char klines_files[] = "\0a.c\0b.h";

/* The chain that arch_stack_step() walks: return addresses, innermost first. */
static const size_t *chain;
static size_t chain_length;

bool arch_stack_step(vaddr_t *frame_pointer, vaddr_t *return_address)
{
    size_t index = va_value(*frame_pointer);

    if (index >= chain_length)
        return false;
    *return_address = va((uintptr_t)kernel_start + chain[index]);
    *frame_pointer = va(index + 1);
    return true;
}

/* What lies on top of the stack, at address 8. */
static size_t on_top;

bool arch_stack_read(vaddr_t address, uintptr_t *word)
{
    if (va_value(address) != 8)
        return false;
    *word = (uintptr_t)kernel_start + on_top;
    return true;
}

static vaddr_t at(size_t offset)
{
    return va((uintptr_t)kernel_start + offset);
}

static void expect_symbol(size_t place, const char *name, size_t expected)
{
    size_t offset = 99;
    const char *found = symbol_find(at(place), &offset);

    if (name == NULL) {
        assert_null(found);
        assert_int_equal(offset, 99);
        return;
    }
    assert_string_equal(found, name);
    assert_int_equal(offset, expected);
}

static void addresses_have_the_right_names(void **state)
{
    /* An address belongs to the last function that begins at or before it, within the code only. */
    (void)state;
    expect_symbol(0x0f, NULL, 0);
    expect_symbol(0x10, "entry", 0);
    expect_symbol(0x1f, "entry", 0xf);
    expect_symbol(0x20, "one", 0);
    expect_symbol(0x21, "two", 0);
    expect_symbol(0x5f, "two", 0x3e);
    expect_symbol(0x60, "last", 0);
    expect_symbol(0x7f, "last", 0x1f);
    expect_symbol(0x80, NULL, 0);
    expect_symbol((size_t)-1, NULL, 0);
}

struct seen {
    struct stack_entry entries[64];
    unsigned count;
};

static void remember(void *context, const struct stack_entry *entry)
{
    struct seen *seen = context;

    seen->entries[seen->count++] = *entry;
}

static void walk(const size_t *addresses, size_t length, struct seen *seen)
{
    const struct stack_start start = { .instruction = at(0x62) };

    chain = addresses;
    chain_length = length;
    seen->count = 0;
    stack_trace_visit(&start, remember, seen);
}

static void callers_are_named_by_their_call(void **state)
{
    /* A return address at the very start of a function belongs to the call before it. */
    static const size_t addresses[] = { 0x21, 0x20, 0x15 };
    struct seen seen;

    (void)state;
    walk(addresses, 3, &seen);
    assert_int_equal(seen.count, 4);
    assert_string_equal(seen.entries[0].function, "last");
    assert_int_equal(seen.entries[0].offset, 2);
    assert_string_equal(seen.entries[1].function, "one");
    assert_int_equal(seen.entries[1].offset, 1);
    assert_string_equal(seen.entries[2].function, "entry");
    assert_int_equal(seen.entries[2].offset, 0x10);
    assert_string_equal(seen.entries[3].function, "entry");
    assert_int_equal(seen.entries[3].index, 3);
}

static void recursion_is_one_entry(void **state)
{
    /* Equal frames in a row are one entry with a count, and the outermost callers are still shown. */
    size_t addresses[500];
    struct seen seen;

    (void)state;
    for (size_t i = 0; i < 499; i++)
        addresses[i] = 0x30;
    addresses[499] = 0x15;
    walk(addresses, 500, &seen);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.entries[1].repeats, 498);
    assert_int_equal(seen.entries[2].index, 500);
    assert_string_equal(seen.entries[2].function, "entry");
}

static void a_wild_jump_has_its_caller(void **state)
{
    /* Where no function is, the top of the stack names the caller, if it names one at all. */
    static const size_t addresses[] = { 0x15 };
    const struct stack_start start = { .instruction = at(0x90), .stack = va(8) };
    struct seen seen = { .count = 0 };

    (void)state;
    chain = addresses;
    chain_length = 1;
    on_top = 0x30;
    stack_trace_visit(&start, remember, &seen);
    assert_int_equal(seen.count, 3);
    assert_null(seen.entries[0].function);
    assert_string_equal(seen.entries[1].function, "two");
    assert_string_equal(seen.entries[2].function, "entry");
    on_top = 0xa0;
    seen.count = 0;
    stack_trace_visit(&start, remember, &seen);
    assert_int_equal(seen.count, 2);
}

static void traces_end(void **state)
{
    /* However long the chain, a bounded number of entries is visited. */
    size_t addresses[4000];
    struct seen seen;

    (void)state;
    for (size_t i = 0; i < 4000; i++)
        addresses[i] = i % 2 ? 0x30 : 0x40;
    walk(addresses, 4000, &seen);
    assert_int_equal(seen.count, STACK_TRACE_MOST);
    for (size_t i = 0; i < 4000; i++)
        addresses[i] = 0x30;
    walk(addresses, 4000, &seen);
    assert_int_equal(seen.count, 2);
}

static void a_printed_trace_reads_well(void **state)
{
    /* One line a frame: number, address, function and offset; strangers are said to be such. */
    static const size_t addresses[] = { 0x30, 0x30, 0x90 };
    struct host_text out;
    char expected[256];

    (void)state;
    chain = addresses;
    chain_length = 3;
    host_text_init(&out);
    diag_stack_trace(&out.sink, va(0));
    snprintf(expected, sizeof(expected),
             "  #0  0x%016lx  two+0xf  b.h:1007, and 1 more of the same\n"
             "  #2  0x%016lx  not in the kernel\n",
             (unsigned long)va_value(at(0x30)), (unsigned long)va_value(at(0x90)));
    assert_string_equal(out.text, expected);
    host_text_free(&out);
}

static void addresses_have_the_right_lines(void **state)
{
    /* Each address of the code has the line of the last row at or before it, or none. */
    static const struct {
        size_t offset;
        const char *file;
        unsigned line;
    } places[] = {
        { 0x0, NULL, 0 },   { 0xf, NULL, 0 },   { 0x10, "a.c", 10 },   { 0x1f, "a.c", 10 },
        { 0x20, "a.c", 7 }, { 0x27, "a.c", 7 }, { 0x28, "b.h", 1007 }, { 0x5f, "b.h", 1007 },
        { 0x60, NULL, 0 },  { 0x7f, NULL, 0 },  { 0x80, NULL, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        const char *file = NULL;
        unsigned line = 0;

        assert_int_equal(line_find(at(places[i].offset), &file, &line), places[i].file != NULL);
        assert_int_equal(line, places[i].line);
        if (places[i].file != NULL)
            assert_string_equal(file, places[i].file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_have_the_right_names),
        cmocka_unit_test(callers_are_named_by_their_call),
        cmocka_unit_test(recursion_is_one_entry),
        cmocka_unit_test(traces_end),
        cmocka_unit_test(addresses_have_the_right_lines),
        cmocka_unit_test(a_printed_trace_reads_well),
        cmocka_unit_test(a_wild_jump_has_its_caller),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
