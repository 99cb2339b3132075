/* SPDX-License-Identifier: BSD-2-Clause
 *
 * refusal.h - how the loader says no: what failed, where, why, and what to do next.
 *
 * Whoever finds the cause writes it down once, with refuse(), and passes the status up; whoever
 * knows the place (a file, a line) names it before with refusal_place(). efi/main.c adds which
 * step failed, shows the whole and returns to the firmware. Nothing is allocated.
 */
#ifndef MERIDIAN_EFI_REFUSAL_H
#define MERIDIAN_EFI_REFUSAL_H

#include "lib/status.h"
#include "lib/types.h"

#define REFUSAL_PLACE_BYTES  192
#define REFUSAL_REASON_BYTES 512

struct refusal {
    enum status status;
    char place[REFUSAL_PLACE_BYTES];   /* "\meridian\meridian.conf, line 3"; empty where none */
    char reason[REFUSAL_REASON_BYTES]; /* a sentence without its full stop */
    const char *next;                  /* advice, a whole sentence; lives for ever */
};

/* Names the place that later refusals are about. Text that is too long is cut. */
[[gnu::format(printf, 2, 3)]] void refusal_place(struct refusal *refusal, const char *format, ...);

/* Notes a reason and an advice; returns `status`, so that the caller can return it in turn. */
/*@ requires \valid(refusal);
  @ assigns *refusal;
  @ ensures \result == status; */
[[gnu::cold, gnu::format(printf, 4, 5)]] enum status refuse(struct refusal *refusal,
                                                            enum status status, const char *next,
                                                            const char *format, ...);

#endif
