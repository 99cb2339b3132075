/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sha256.c - see sha256.h. Plain and portable: about 20 instructions a byte. It runs only over
 * files whose hash the configuration demands, and over a few dozen bytes of seed.
 *
 * Pure: no firmware call, also built hosted. Nothing can fail.
 */
#include "sha256.h"

#include "lib/bits.h"
#include "lib/string.h"

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes (4.2.2). */
static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* The same of the square roots of the first eight primes (5.3.3). */
static const uint32_t initial_state[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static uint32_t rotate_right(uint32_t word, unsigned count)
{
    return (word >> count) | (word << (32 - count));
}

static uint32_t load_be32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void store_be32(uint8_t *bytes, uint32_t word)
{
    for (unsigned i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(word >> (24 - 8 * i));
}

/* The message schedule W (6.2.2, step 1). */
static void expand_block(const uint8_t *block, uint32_t schedule[64])
{
    for (unsigned t = 0; t < 16; t++)
        schedule[t] = load_be32(block + 4 * t);
    for (unsigned t = 16; t < 64; t++) {
        uint32_t a = schedule[t - 15];
        uint32_t b = schedule[t - 2];
        uint32_t sigma0 = rotate_right(a, 7) ^ rotate_right(a, 18) ^ (a >> 3);
        uint32_t sigma1 = rotate_right(b, 17) ^ rotate_right(b, 19) ^ (b >> 10);

        schedule[t] = sigma1 + schedule[t - 7] + sigma0 + schedule[t - 16];
    }
}

/* One round (6.2.2, step 3): s holds a to h. */
static void mix(uint32_t s[8], uint32_t word)
{
    uint32_t sum1 = rotate_right(s[4], 6) ^ rotate_right(s[4], 11) ^ rotate_right(s[4], 25);
    uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
    uint32_t t1 = s[7] + sum1 + choice + word;
    uint32_t sum0 = rotate_right(s[0], 2) ^ rotate_right(s[0], 13) ^ rotate_right(s[0], 22);
    uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);

    for (unsigned i = 7; i > 0; i--)
        s[i] = s[i - 1];
    s[4] += t1;
    s[0] = t1 + sum0 + majority;
}

static void hash_block(struct sha256 *hash, const uint8_t *block)
{
    uint32_t schedule[64];
    uint32_t s[8];

    expand_block(block, schedule);
    memcpy(s, hash->state, sizeof(s));
    for (unsigned t = 0; t < 64; t++)
        mix(s, schedule[t] + round_constants[t]);
    for (unsigned i = 0; i < 8; i++)
        hash->state[i] += s[i];
}

void sha256_start(struct sha256 *hash)
{
    memcpy(hash->state, initial_state, sizeof(hash->state));
    hash->total_bytes = 0;
}

void sha256_add(struct sha256 *hash, const void *data, size_t size_bytes)
{
    const uint8_t *bytes = data;

    while (size_bytes > 0) {
        size_t held = hash->total_bytes % SHA256_BLOCK_BYTES;
        size_t piece = (size_t)min_u64(size_bytes, SHA256_BLOCK_BYTES - held);

        if (piece == SHA256_BLOCK_BYTES) {
            hash_block(hash, bytes);
        } else {
            memcpy(hash->block + held, bytes, piece);
            if (held + piece == SHA256_BLOCK_BYTES)
                hash_block(hash, hash->block);
        }
        hash->total_bytes += piece;
        bytes += piece;
        size_bytes -= piece;
    }
}

/* A one bit, zeros, and the length in bits as 64 bits, up to a whole block (5.1.1). */
void sha256_finish(struct sha256 *hash, uint8_t digest[SHA256_BYTES])
{
    static const uint8_t padding[SHA256_BLOCK_BYTES] = { 0x80 };
    uint64_t bits = hash->total_bytes * 8;
    size_t held = hash->total_bytes % SHA256_BLOCK_BYTES;
    uint8_t length[8];

    sha256_add(hash, padding, (held < 56 ? 56 : 120) - held);
    store_be32(length, (uint32_t)(bits >> 32));
    store_be32(length + 4, (uint32_t)bits);
    sha256_add(hash, length, sizeof(length));
    for (unsigned i = 0; i < 8; i++)
        store_be32(digest + 4 * i, hash->state[i]);
}

void sha256_of(const void *data, size_t size_bytes, uint8_t digest[SHA256_BYTES])
{
    struct sha256 hash;

    sha256_start(&hash);
    sha256_add(&hash, data, size_bytes);
    sha256_finish(&hash, digest);
}
