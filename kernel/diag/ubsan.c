/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ubsan.c - what -fsanitize=undefined calls when a program does what C gives no meaning to.
 *
 * The compiler puts a call before each operation that could be undefined, with a record of where it stands
 * and what it does, and the values. The functions below turn record and values into one sentence and end in
 * the report of any other failure: what was undefined may not go on. They have the names and the parameters
 * that the compiler uses; gcc and clang agree on them. Only in kernels built with UBSAN=1.
 *
 * Not asked for (mk/sanitize.mk): null, since page 0 is never mapped and the processor reports it better.
 */
#include "lib/assert.h"
#include "lib/print.h"
#include "lib/types.h"

/* --- what the compiler hands over ----------------------------------------------------------- */

enum type_kind {
    TYPE_INTEGER = 0,
    TYPE_FLOAT = 1,
    TYPE_UNKNOWN = 0xffff,
};

struct source_place {
    const char *file;
    uint32_t line;
    uint32_t column;
};

/* Of an integer: bit 0 of `info` is set for signed ones, the rest is the binary logarithm of its bits. */
struct type_record {
    uint16_t kind;
    uint16_t info;
    char name[]; /* with its quotation marks */
};

/* Of operations on one type. */
struct operation {
    struct source_place place;
    const struct type_record *type;
};

struct shift {
    struct source_place place;
    const struct type_record *left;
    const struct type_record *right;
};

struct index {
    struct source_place place;
    const struct type_record *array;
    const struct type_record *index;
};

struct access {
    struct source_place place;
    const struct type_record *type;
    uint8_t alignment_shift;
    uint8_t kind; /* of access_words[] */
};

struct builtin_call {
    struct source_place place;
    uint8_t kind;
};

struct argument {
    struct source_place place;
    struct source_place declared;
    int32_t number;
};

#define INTEGER_BITS(type) (1u << ((type)->info >> 1))
#define IS_SIGNED(type)    (((type)->info & 1) != 0)
#define VALUE_BYTES        24

/* --- words ------------------------------------------------------------------------------------ */

static const char *const access_words[] = {
    "read from",
    "write to",
    "binding of a reference to",
    "member access within",
    "member call on",
    "constructor call on",
    "downcast of",
    "downcast of",
    "upcast of",
    "cast of",
    "non-null binding of",
    "dynamic operation on",
};

/* Values up to the width of a register come by themselves, wider ones by address. */
static unsigned long long value_bits(const struct type_record *type, uintptr_t value)
{
    uint64_t wide;

    if (INTEGER_BITS(type) <= 8 * sizeof(value))
        return value;
    __builtin_memcpy(&wide, (const void *)value, sizeof(wide));
    return wide;
}

static const char *value_text(const struct type_record *type, uintptr_t value, char *text)
{
    unsigned long long bits;
    unsigned unused;

    if (type->kind != TYPE_INTEGER || INTEGER_BITS(type) > 64) {
        (void)print_buffer(text, VALUE_BYTES, "a value");
        return text;
    }
    bits = value_bits(type, value);
    unused = 64 - INTEGER_BITS(type);
    if (IS_SIGNED(type))
        (void)print_buffer(text, VALUE_BYTES, "%lld", (long long)(bits << unused) >> unused);
    else
        (void)print_buffer(text, VALUE_BYTES, "%llu", bits << unused >> unused);
    return text;
}

/* Each ends here: the place first, as compilers write it. */
#define FAIL(place, format, ...)                                                                   \
    panic("%s:%u:%u: undefined behaviour: " format, (place)->file, (place)->line, (place)->column, \
          __VA_ARGS__)

[[gnu::noreturn]] static void fail_overflow(const struct operation *operation, const char *sign,
                                            uintptr_t left, uintptr_t right)
{
    char first[VALUE_BYTES], second[VALUE_BYTES];

    FAIL(&operation->place, "%s %s %s does not fit the type %s",
         value_text(operation->type, left, first), sign, value_text(operation->type, right, second),
         operation->type->name);
}

/* --- names of the compiler ---------------------------------------------------------------------- */

#define HANDLER(name, ...)                                                                         \
    [[gnu::noreturn]] void __ubsan_handle_##name(__VA_ARGS__);                                     \
    void __ubsan_handle_##name(__VA_ARGS__)

HANDLER(add_overflow, const struct operation *operation, uintptr_t left, uintptr_t right)
{
    fail_overflow(operation, "+", left, right);
}

HANDLER(sub_overflow, const struct operation *operation, uintptr_t left, uintptr_t right)
{
    fail_overflow(operation, "-", left, right);
}

HANDLER(mul_overflow, const struct operation *operation, uintptr_t left, uintptr_t right)
{
    fail_overflow(operation, "*", left, right);
}

HANDLER(divrem_overflow, const struct operation *operation, uintptr_t left, uintptr_t right)
{
    fail_overflow(operation, "divided by", left, right);
}

HANDLER(negate_overflow, const struct operation *operation, uintptr_t value)
{
    char text[VALUE_BYTES];

    FAIL(&operation->place, "-(%s) does not fit the type %s",
         value_text(operation->type, value, text), operation->type->name);
}

HANDLER(shift_out_of_bounds, const struct shift *shift, uintptr_t left, uintptr_t right)
{
    char first[VALUE_BYTES], second[VALUE_BYTES];

    FAIL(&shift->place, "%s cannot be shifted by %s bits: its type %s has %u",
         value_text(shift->left, left, first), value_text(shift->right, right, second),
         shift->left->name, INTEGER_BITS(shift->left));
}

HANDLER(out_of_bounds, const struct index *index, uintptr_t value)
{
    char text[VALUE_BYTES];

    FAIL(&index->place, "index %s is beyond the array %s", value_text(index->index, value, text),
         index->array->name);
}

HANDLER(type_mismatch_v1, const struct access *access, uintptr_t pointer)
{
    uintptr_t alignment = (uintptr_t)1 << access->alignment_shift;
    const char *what =
        access->kind < ARRAY_COUNT(access_words) ? access_words[access->kind] : "use of";

    if ((pointer & (alignment - 1)) != 0)
        FAIL(&access->place, "%s 0x%llx as a %s, which asks for an alignment of %llu", what,
             (unsigned long long)pointer, access->type->name, (unsigned long long)alignment);
    FAIL(&access->place, "%s 0x%llx as a %s, for which there is no room", what,
         (unsigned long long)pointer, access->type->name);
}

HANDLER(pointer_overflow, const struct source_place *place, uintptr_t before, uintptr_t after)
{
    FAIL(place, "pointer arithmetic from 0x%llx wraps around to 0x%llx", (unsigned long long)before,
         (unsigned long long)after);
}

HANDLER(load_invalid_value, const struct operation *operation, uintptr_t value)
{
    char text[VALUE_BYTES];

    FAIL(&operation->place, "%s is no value of the type %s",
         value_text(operation->type, value, text), operation->type->name);
}

HANDLER(vla_bound_not_positive, const struct operation *operation, uintptr_t value)
{
    char text[VALUE_BYTES];

    FAIL(&operation->place, "an array of %s elements", value_text(operation->type, value, text));
}

HANDLER(invalid_builtin, const struct builtin_call *call)
{
    FAIL(&call->place, "%s of 0 has no result", call->kind == 0 ? "ctz()" : "clz()");
}

HANDLER(nonnull_arg, const struct argument *argument)
{
    FAIL(&argument->place, "argument %d may not be null", argument->number);
}

HANDLER(builtin_unreachable, const struct source_place *place)
{
    FAIL(place, "%s", "a place was reached that cannot be reached");
}

HANDLER(missing_return, const struct source_place *place)
{
    FAIL(place, "%s", "a function with a result ended without one");
}
