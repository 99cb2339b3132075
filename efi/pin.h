/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pin.h - the configuration that this loader was signed with, if it was signed with one.
 *
 * A signature covers the loader and the kernel in it, but not the configuration beside it. `make sign
 * CONF=FILE` writes the SHA-256 of a configuration into the loader before it is signed. Such a
 * loader takes this configuration and no other, and with it the kernel, command line and modules
 * that it names: what the signature says of the loader holds for all of them.
 */
#ifndef MERIDIAN_EFI_PIN_H
#define MERIDIAN_EFI_PIN_H

#include "sha256.h"

/* What tools/pe.py looks for in the file. */
#define PIN_MARK_BYTES 16u

struct pin {
    char mark[PIN_MARK_BYTES]; /* occurs once in BOOTX64.EFI */
    uint32_t is_set;           /* 1 where tools/pe.py wrote a digest */
    uint8_t digest[SHA256_BYTES];
};

/* False where the loader was built but not pinned; else the digest that the configuration has. */
bool pin_get(uint8_t digest[SHA256_BYTES]);

#endif
