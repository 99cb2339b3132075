/* SPDX-License-Identifier: BSD-2-Clause
 *
 * out.h - result lines of a boot measurement, "NAME value", straight to COM1.
 *
 * Firmware is gone when some of them are written, so nothing is asked of it. QEMU's serial port
 * takes a byte at any time: it need not be waited for.
 */
#ifndef MERIDIAN_BENCH_OUT_H
#define MERIDIAN_BENCH_OUT_H

#include <stdint.h>

#define COM1_PORT 0x3f8
#define EXIT_PORT 0xf4 /* -device isa-debug-exit,iobase=0xf4 */

static inline void out_byte(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint64_t read_tsc(void)
{
    uint32_t low;
    uint32_t high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static inline void out_text(const char *text)
{
    while (*text != 0)
        out_byte(COM1_PORT, (uint8_t)*text++);
}

static inline void out_line(const char *name, uint64_t value)
{
    char digits[24];
    unsigned at = sizeof(digits) - 1;

    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    out_text(name);
    out_text(" ");
    out_text(digits + at);
    out_text("\r\n");
}

#endif
