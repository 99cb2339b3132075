/* SPDX-License-Identifier: BSD-2-Clause
 *
 * random.h - randomness for the slides and for the kernel's seed.
 *
 * The source is EFI_RNG_PROTOCOL, else RDRAND, else the time-stamp counter, which an attacker may
 * guess; the handoff says which. All that is handed out is derived from what the source gave by
 * SHA-256 under different labels, so that the kernel's seed tells nothing about the slides.
 */
#ifndef MERIDIAN_EFI_RANDOM_H
#define MERIDIAN_EFI_RANDOM_H

#include "boot/handoff.h"
#include "lib/types.h"

struct randomness {
    enum handoff_seed_source source;
    uint64_t image_slide; /* 64 random bits each */
    uint64_t direct_map_slide;
    uint8_t seed[HANDOFF_SEED_BYTES];
};

void random_collect(struct randomness *randomness);

#endif
