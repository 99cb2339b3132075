/* SPDX-License-Identifier: BSD-2-Clause
 *
 * event_log.h - how long the firmware's log of measurements is.
 *
 * EFI_TCG2_PROTOCOL tells where the log begins and where its last event does, and nothing of the end: the last
 * event's own size has to be read, which depends on the algorithms that the first event lists. The log is
 * handed to the kernel, since the memory that it is in may be gone after the boot services.
 *
 *     first event (of the old form)  | pcr type sha1[20] size | "Spec ID Event03" ... count {id, bytes}... |
 *     each other                     | pcr type count {id digest}... size | data |
 *
 * Source: TCG PC Client Platform Firmware Profile 1.05, section 10.2.
 */
#ifndef MERIDIAN_EFI_EVENT_LOG_H
#define MERIDIAN_EFI_EVENT_LOG_H

#include "lib/types.h"

#define EVENT_LOG_MAX_BYTES (1u << 20) /* more is a sign of corruption */

/* Bytes of the log at `log` whose last event begins `last_offset` bytes behind its start: 0 there means that
 * it has its first event only. 0 where the log makes no sense. */
size_t event_log_size(const void *log, uint64_t last_offset);

#endif
