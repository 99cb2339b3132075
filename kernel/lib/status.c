/* SPDX-License-Identifier: BSD-2-Clause
 *
 * status.c - the names of enum status. The switch has no default, so that the compiler reports a
 * value that was added without a name.
 */
#include "lib/status.h"

const char *status_name(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return "ok";
    case STATUS_NO_MEMORY:
        return "no memory";
    case STATUS_NO_SPACE:
        return "no space";
    case STATUS_INVALID:
        return "invalid";
    case STATUS_NOT_ALIGNED:
        return "not aligned";
    case STATUS_OVERFLOW:
        return "overflow";
    case STATUS_NOT_FOUND:
        return "not found";
    case STATUS_EXISTS:
        return "exists";
    case STATUS_DENIED:
        return "denied";
    case STATUS_CORRUPT:
        return "corrupt";
    case STATUS_UNSUPPORTED:
        return "unsupported";
    case STATUS_BUSY:
        return "busy";
    case STATUS_TRUNCATED:
        return "truncated";
    case STATUS_IO:
        return "input/output error";
    }
    return "unknown status";
}
