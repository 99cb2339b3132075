/* SPDX-License-Identifier: BSD-2-Clause
 *
 * unpack.h - what the build compressed, as it was: an LZ4 frame back to its content.
 *
 * Source: "LZ4 Frame Format Description" 1.6.2 and "LZ4 Block Format Description", lz4.org.
 */
#ifndef MERIDIAN_EFI_UNPACK_H
#define MERIDIAN_EFI_UNPACK_H

#include "refusal.h"

/* The number of bytes that the frame says it holds, read from its header. */
enum status unpack_size(const uint8_t *packed, size_t packed_bytes, uint64_t *size_bytes,
                        struct refusal *refusal);

/* Fills all of `content` from the frame. Nothing outside of the two buffers is read or written,
 * whatever the frame holds; on failure `content` is undefined. STATUS_TRUNCATED: the frame ends
 * early. STATUS_CORRUPT: it is no such frame, or it does not hold `size_bytes` bytes. The buffers
 * must not overlap. */
enum status unpack(const uint8_t *packed, size_t packed_bytes, uint8_t *content, size_t size_bytes,
                   struct refusal *refusal);

#endif
