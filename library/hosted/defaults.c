/* SPDX-License-Identifier: BSD-2-Clause
 *
 * defaults.c - what a process says and does that provides no log and no panic of its own. Weak.
 */
#include "arch/embed.h"

#include <stdio.h>
#include <stdlib.h>

void meridian_log(unsigned level, const char *line)
{
    if (level <= MERIDIAN_LOG_WARNING)
        fprintf(stderr, "meridian: %s\n", line);
}

void meridian_panic(const char *message)
{
    fprintf(stderr, "meridian: panic: %s\n", message);
    abort();
}
