/* SPDX-License-Identifier: BSD-2-Clause
 *
 * diag/fault_log.h - the faults since boot that the kernel has outlived, or died of.
 *
 * A record is what is known of one fault, with the whole text of its report. A fault that comes again (the
 * same exception at the same instruction of the same program or of the kernel) is counted in its record, not
 * reported anew. The last FAULT_RECORDS different ones are kept. One processor at a time; any context.
 */
#ifndef MERIDIAN_DIAG_FAULT_LOG_H
#define MERIDIAN_DIAG_FAULT_LOG_H

#include "arch/trap.h"
#include "lib/print.h"

#define FAULT_RECORDS        8u
#define FAULT_TEXT_BYTES     4096u
#define FAULT_SENTENCE_BYTES 512u
#define FAULT_STAMP_BYTES    24u

struct fault_record {
    uint32_t number;               /* from 1; 0: unused */
    uint32_t count;                /* how often */
    struct trap_info info;         /* of the last time; a panic: where it was called */
    const char *program;           /* NULL: the kernel */
    bool panic;                    /* an invariant, not an exception */
    char first[FAULT_STAMP_BYTES]; /* the time, as the log writes it */
    char last[FAULT_STAMP_BYTES];
    char sentence[FAULT_SENTENCE_BYTES]; /* without the full stop */
    size_t text_bytes;
    char text[FAULT_TEXT_BYTES]; /* the report; what does not fit is left out */
};

/* Notes a fault, and says whether it is a new one (count 1), whose report is to be written. `program` must
 * stay valid, or be NULL. */
struct fault_record *fault_log_note(const struct trap_info *info, const char *program, bool panic,
                                    const char *sentence);

/* Adds to the text of a record's report. */
void fault_log_append(struct fault_record *record, const char *text, size_t size);

/* The record of that number; NULL: there is none, or none any more. */
const struct fault_record *fault_log_find(uint32_t number);

/* The number of the next fault that is new: records have lower ones. */
uint32_t fault_log_next(void);

#endif
