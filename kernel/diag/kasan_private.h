/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kasan_private.h - what the files of the checker of accesses share.
 */
#ifndef MERIDIAN_KASAN_PRIVATE_H
#define MERIDIAN_KASAN_PRIVATE_H

#include "mm/shadow.h"

/* Bytes of memory that a byte of shadow tells of. */
#define KASAN_GRAIN 8u

/* The byte of shadow for an address; NULL: it has none, and nothing is known of it. */
uint8_t *kasan_shadow(uintptr_t address);

/* Accesses are checked. */
extern bool kasan_on;

/* Ends in a report if part of [address, + size) is closed. `caller` is in the code that touches it. */
void kasan_check(uintptr_t address, size_t size_bytes, bool write, const void *caller);

/* Calls what the compiler made for variables: they tell where the room around them is. */
void kasan_register_variables(void);

#endif
