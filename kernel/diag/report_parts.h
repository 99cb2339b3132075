/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report_parts.h - what a report on a fault or a panic is made of.
 *
 * Each part reads data that may be damaged, so whoever calls one is ready for it to fault.
 */
#ifndef MERIDIAN_DIAG_REPORT_PARTS_H
#define MERIDIAN_DIAG_REPORT_PARTS_H

#include "arch/trap.h"
#include "diag/fault_log.h"
#include "lib/print.h"
#include "mm/vmm.h"

/* A report in the making. */
struct report {
    const struct trap_frame *frame;
    struct trap_info info;
    const char *panic;           /* the sentence of a panic; NULL for an exception */
    const char *program;         /* NULL: the kernel's own */
    bool last;                   /* the other processors are stopped */
    struct vm_space *space;      /* where the address is looked up; NULL: there is none yet */
    struct fault_record *record; /* keeps the text; NULL: not yet */
    struct print_sink sink;      /* the console, and the record */
    struct print_text spoken;    /* into `sentence` */
    char sentence[FAULT_SENTENCE_BYTES];
};

/* All take a struct report. */
void report_place(void *context);     /* the exception, the instruction, the error code in words */
void report_registers(void *context); /* in columns */
void report_walk(void *context);  /* page faults: through the tables; double faults: of the stack */
void report_near(void *context);  /* page faults: the area around the address, or its neighbours */
void report_trace(void *context); /* of the kernel */
void report_others(void *context); /* where the other processors are */
void report_log(void *context);    /* the last lines */
void report_event(void *context);  /* all of it as an event */

/* The list `processors` of an event: those that were stopped. */
struct json;
void report_others_event(struct json *event);

#endif
