/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sha256.h - the hash of FIPS 180-4, section 6.2, in pieces of any size.
 *
 * The loader checks files against the configuration with it, and spreads its random seed.
 */
#ifndef MERIDIAN_EFI_SHA256_H
#define MERIDIAN_EFI_SHA256_H

#include "lib/types.h"

#define SHA256_BYTES       32
#define SHA256_BLOCK_BYTES 64

struct sha256 {
    uint32_t state[8];
    uint64_t total_bytes;
    uint8_t block[SHA256_BLOCK_BYTES]; /* the last total_bytes % 64 bytes, not yet hashed */
};

void sha256_start(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t size_bytes);
void sha256_finish(struct sha256 *hash, uint8_t digest[SHA256_BYTES]);

/* All in one. */
void sha256_of(const void *data, size_t size_bytes, uint8_t digest[SHA256_BYTES]);

#endif
