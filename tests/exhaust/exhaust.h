/* SPDX-License-Identifier: BSD-2-Clause
 *
 * exhaust.h - small worlds, tried to the last case against the obvious model of each.
 *
 * A world enumerates its cases from 0 up; `shard` of `shards` of them is one process's part, and shards of
 * more than one world may run at once. A case that is wrong is printed and ends the program.
 */
#ifndef MERIDIAN_TESTS_EXHAUST_H
#define MERIDIAN_TESTS_EXHAUST_H

#include <stdio.h>
#include <stdlib.h>

#include "lib/types.h"

struct exhaust_part {
    unsigned shard;
    unsigned shards;
    bool is_long; /* all there is, else what a unit test has time for */
};

/* Each returns how many cases it tried. */
uint64_t exhaust_efi_maps(const struct exhaust_part *part);
uint64_t exhaust_e820_maps(const struct exhaust_part *part);
uint64_t exhaust_frames(const struct exhaust_part *part);
uint64_t exhaust_areas(const struct exhaust_part *part);
uint64_t exhaust_objects(const struct exhaust_part *part);

/* What a program of main.c tries; ends with a world without a name. The heap stands on a machine of its own, so
 * that it is a program of its own. */
extern const struct exhaust_world {
    const char *name;
    uint64_t (*run)(const struct exhaust_part *part);
} exhaust_worlds[];

/* What must hold in each case. */
#define EXHAUST_CHECK(property)                                                                    \
    do {                                                                                           \
        if (__builtin_expect(!(property), 0)) {                                                    \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #property);          \
            abort();                                                                               \
        }                                                                                          \
    } while (false)

#endif
