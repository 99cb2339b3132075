/* SPDX-License-Identifier: BSD-2-Clause
 *
 * monitor/usage.h - the words that a usage line offers: for completion.
 *
 * A usage like "[list|NAME] [seed=NUMBER]" names arguments in capitals and offers words in lower
 * case: here "list" and "seed=". Pure; any context.
 */
#ifndef MERIDIAN_MONITOR_USAGE_H
#define MERIDIAN_MONITOR_USAGE_H

#include "lib/types.h"

#define USAGE_WORD_BYTES 24

/* Copies the index-th word that `usage` offers, counted from 0; false when there is none. */
bool usage_word(const char *usage, unsigned index, char word[USAGE_WORD_BYTES]);

#endif
