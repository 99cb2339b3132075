/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pin.c - see pin.h. Volatile, since the bytes are written after the compiler has seen them.
 */
#include "pin.h"

static const volatile struct pin pin = { .mark = "MERIDIAN PINNED" };

bool pin_get(uint8_t digest[SHA256_BYTES])
{
    for (size_t i = 0; i < SHA256_BYTES; i++)
        digest[i] = pin.digest[i];
    return pin.is_set == 1;
}
