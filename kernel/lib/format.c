/* SPDX-License-Identifier: BSD-2-Clause
 *
 * format.c - figures as people like to read them, without a single 64-bit division.
 */

#include "lib/format.h"
#include "lib/bits.h"
#include "lib/print.h"

#define PHYSICAL_BITS_MAX 52 /* Intel SDM vol. 3A, 4.1.4: MAXPHYADDR */

const char *format_size(uint64_t size_bytes, char text[SIZE_TEXT_BYTES])
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned unit = size_bytes == 0 ? 0 : highest_bit(size_bytes) / 10;
    unsigned shift = unit * 10;
    uint64_t whole = size_bytes >> shift;
    uint64_t rest = size_bytes & low_mask(shift);
    unsigned tenths;

    /* The rest is below 2^60: its ten upper bits decide the digit, and ten times them fits. */
    tenths = shift == 0 ? 0 : (unsigned)((rest >> (shift - 10)) * 10 >> 10);
    if (rest == 0)
        (void)print_buffer(text, SIZE_TEXT_BYTES, "%u %s", (unsigned)whole, units[unit]);
    else
        (void)print_buffer(text, SIZE_TEXT_BYTES, "%u.%u %s", (unsigned)whole, tenths, units[unit]);
    return text;
}

unsigned format_digits(uint64_t highest)
{
    if (highest >> 32 == 0)
        return 8;
    if (highest >> 48 == 0)
        return 12;
    return highest >> PHYSICAL_BITS_MAX == 0 ? 13 : 16;
}

unsigned format_percent(uint64_t part, uint64_t whole)
{
    unsigned excess = whole == 0 ? 0 : highest_bit(whole);

    if (whole == 0)
        return 0;
    if (excess > 24) {
        part >>= excess - 24;
        whole >>= excess - 24;
    }
    return (unsigned)part * 100u / (unsigned)whole;
}
