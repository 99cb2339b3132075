/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lib/status.h - how a function says that it failed.
 *
 * Whatever can fail returns an enum status, which the compiler does not let a caller ignore.
 * Results travel through out-parameters and are written only together with STATUS_OK.
 */
#ifndef MERIDIAN_LIB_STATUS_H
#define MERIDIAN_LIB_STATUS_H

enum [[nodiscard]] status{
    STATUS_OK,          STATUS_NO_MEMORY, /* no physical memory that fits the request */
    STATUS_NO_SPACE,                      /* a window, table or buffer is full */
    STATUS_INVALID,                       /* an argument makes no sense */
    STATUS_NOT_ALIGNED,                   /* an address or size breaks its alignment */
    STATUS_OVERFLOW,                      /* a sum or product does not fit, or a range wraps */
    STATUS_NOT_FOUND,                     /* nothing is there */
    STATUS_EXISTS,                        /* something is already there */
    STATUS_DENIED,                        /* forbidden by policy: W+X, a guard, a foreign owner */
    STATUS_CORRUPT,     /* outside data breaks its own format: magic, checksum, structure */
    STATUS_UNSUPPORTED, /* well formed, but not for this machine or this version */
    STATUS_BUSY,        /* in use at this moment */
    STATUS_TRUNCATED,   /* outside data ends too early */
    STATUS_IO,          /* a device or the firmware failed */
};

/* The name without its prefix, in lower case: "no memory". Never NULL. Any context. */
const char *status_name(enum status status);

#endif
