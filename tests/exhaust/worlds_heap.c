/* SPDX-License-Identifier: BSD-2-Clause
 *
 * worlds_heap.c - what build/worlds/heap tries.
 */
#include "exhaust.h"

const struct exhaust_world exhaust_worlds[] = {
    { "6 operations of the heap", exhaust_objects },
    { NULL, NULL },
};
