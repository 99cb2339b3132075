/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lib/string.h - the few functions of ISO C <string.h> that the kernel and the loader use.
 *
 * The names and meanings are those of ISO C, since the compiler calls the first four by itself;
 * hosted builds take them from their C library. Any context.
 */
#ifndef MERIDIAN_LIB_STRING_H
#define MERIDIAN_LIB_STRING_H

#include "lib/types.h"

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *string);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t size);
char *strchr(const char *string, int character);

#endif
