/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fault_log.c - a ring of records; see diag/fault_log.h.
 *
 * Record n lies at n modulo FAULT_RECORDS, so that a new one takes the place of the oldest. Nothing is
 * allocated: a fault may be the allocator's. Programs slide by whole pages each time they are run, so of an
 * instruction of theirs only the place in its page is compared.
 */
#include "diag/fault_log.h"

#include "lib/log.h"
#include "lib/string.h"

static struct fault_record records[FAULT_RECORDS];
static uint32_t next_number = 1;

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The part of an instruction's address that stays the same from one time to the next. */
static uintptr_t place_of(const struct trap_info *info, const char *program)
{
    return program == NULL ? va_value(info->instruction) : va_value(info->instruction) & PAGE_MASK;
}

static bool is_same(const struct fault_record *record, const struct trap_info *info,
                    const char *program, bool panic)
{
    return record->number != 0 && record->panic == panic && same_text(record->program, program) &&
           record->info.vector == info->vector &&
           place_of(&record->info, record->program) == place_of(info, program) &&
           record->info.error_code == info->error_code;
}

static struct fault_record *find_same(const struct trap_info *info, const char *program, bool panic)
{
    for (size_t i = 0; i < FAULT_RECORDS; i++)
        if (is_same(&records[i], info, program, panic))
            return &records[i];
    return NULL;
}

struct fault_record *fault_log_note(const struct trap_info *info, const char *program, bool panic,
                                    const char *sentence)
{
    struct fault_record *record = find_same(info, program, panic);

    if (record == NULL) {
        record = &records[next_number % FAULT_RECORDS];
        *record =
            (struct fault_record){ .number = next_number++, .program = program, .panic = panic };
        log_stamp(record->first, sizeof(record->first));
    }
    record->count++;
    record->info = *info;
    log_stamp(record->last, sizeof(record->last));
    (void)print_buffer(record->sentence, sizeof(record->sentence), "%s", sentence);
    return record;
}

void fault_log_append(struct fault_record *record, const char *text, size_t size)
{
    size_t room = sizeof(record->text) - record->text_bytes;

    if (size > room)
        size = room;
    memcpy(record->text + record->text_bytes, text, size);
    record->text_bytes += size;
}

const struct fault_record *fault_log_find(uint32_t number)
{
    const struct fault_record *record = &records[number % FAULT_RECORDS];

    return number != 0 && record->number == number ? record : NULL;
}

uint32_t fault_log_next(void)
{
    return next_number;
}
