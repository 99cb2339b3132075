/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_report.h - wrong frees, said and counted.
 */
#ifndef MERIDIAN_HEAP_REPORT_H
#define MERIDIAN_HEAP_REPORT_H

#include "lib/types.h"

enum heap_fault {
    HEAP_FAULT_FOREIGN,     /* no address of the heap's window */
    HEAP_FAULT_UNUSED,      /* of the window, but no object is there */
    HEAP_FAULT_INTERIOR,    /* not the first byte of the object */
    HEAP_FAULT_FREED_TWICE, /* an object's first byte, but the object is free */
    HEAP_FAULT_WRONG_SIZE,  /* kfree_sized(): another class */
};

/* Logs an error with what is known about the address, counts it, and returns false. `size_bytes`
 * is what kfree_sized() was told. */
[[gnu::cold]] bool heap_report(enum heap_fault fault, const void *object, size_t size_bytes,
                               const void *caller);

/* An object came to its slab twice: two processors freed it at the same time. */
[[gnu::cold]] void heap_report_in_slab(const void *object);

/* An object that was handed out came out of a magazine: likewise. */
[[gnu::cold]] void heap_report_in_magazine(const void *object);

size_t heap_bad_frees(void);
void heap_reports_init(void);

#endif
