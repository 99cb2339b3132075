/* SPDX-License-Identifier: BSD-2-Clause
 *
 * user/abi.h - what a user program and the kernel agree on: system calls and where things lie.
 *
 * A system call has a number, up to three arguments and one result. A result of USER_ERROR_FIRST or
 * above is the negative of an enum status (lib/status.h); no address and no size is as large.
 *
 *              instruction            number   arguments        result   lost
 *     x86-64   SYSCALL                RAX      RDI, RSI, RDX    RAX      RCX, R11
 *     i386     INT 80h                EAX      EBX, ESI, EDI    EAX
 *              SYSENTER, with ESP in ECX and where to go on in EDX      arithmetic flags
 *
 * A program starts at its entry with a stack, the first argument of its main function being one
 * past the highest address it may ever map (RDI; EAX), and on i386 EDX telling whether it may use
 * SYSENTER. All other registers are 0. The x87 FPU, MMX, SSE and AVX are not for programs: the
 * kernel keeps no such registers, and the first instruction that touches them ends the program.
 *
 * The address space of a program, the same for both widths. With `aslr` the window of map() lies up to
 * USER_SLIDE_MOST higher, in whole pages, and stack and limit as much higher and up to USER_SLIDE_MOST more,
 * each time anew; a clone keeps the places of its original. The image stays: it is linked where it lies.
 *
 *     0x7000_0000  +-----------------------------------+
 *                  |  stack                  16 KiB .. |  rw-, grows down
 *                  |                                   |
 *     0x6FF0_0000  +-----------------------------------+
 *                  |  stack limit                4 KiB |  never mapped
 *     0x6FEF_F000  +-----------------------------------+
 *                  |                                   |
 *     0x5000_0000  +-----------------------------------+
 *                  |  what map() places          1 GiB |
 *     0x1000_0000  +-----------------------------------+
 *                  |                                   |
 *                  |  text r-x, constants r--, data rw-|
 *     0x0040_0000  +-----------------------------------+
 */
#ifndef MERIDIAN_USER_ABI_H
#define MERIDIAN_USER_ABI_H

#include "lib/types.h"

enum user_call {
    USER_CALL_EXIT,    /* (code): the end; 0 when all is well */
    USER_CALL_WRITE,   /* (text, size_bytes): to the console, USER_TEXT_MOST bytes at most */
    USER_CALL_MAP,     /* (address, size_bytes, rights): zeroed memory, at exactly that address or,
                          with 0, anywhere; its address */
    USER_CALL_UNMAP,   /* (address, size_bytes) */
    USER_CALL_PROTECT, /* (address, size_bytes, rights) */
    USER_CALL_CLONE,   /* (end): the address space is cloned and switched to. In the clone the
                          result is USER_IN_CLONE; it runs first, to its end. Then the original
                          goes on, with USER_IN_ORIGINAL and, in the uintptr_t at `end`, what the
                          clone gave to exit, or USER_CLONE_FAULTED */
    USER_CALL_COUNT,
};

/* Memory can always be read; both of these together are refused. */
enum user_right {
    USER_WRITE = 1u << 0,
    USER_EXECUTE = 1u << 1,
};

#define USER_ERROR_FIRST   (~(uintptr_t)0xfff)
#define USER_IN_CLONE      ((uintptr_t)0)
#define USER_IN_ORIGINAL   ((uintptr_t)1)
#define USER_CLONE_FAULTED UINTPTR_MAX

#define USER_TEXT_MOST     ((size_t)256)

/* Clones may clone, up to so many spaces in all. */
#define USER_SPACES_MOST   4u

#define USER_IMAGE_START   ((uintptr_t)0x00400000)
#define USER_IMAGE_END     ((uintptr_t)0x10000000)
#define USER_MAP_START     ((uintptr_t)0x10000000)
#define USER_MAP_END       ((uintptr_t)0x50000000)
#define USER_LIMIT_START   ((uintptr_t)0x6feff000)
#define USER_STACK_TOP     ((uintptr_t)0x70000000)
#define USER_SLIDE_MOST    ((uintptr_t)(sizeof(uintptr_t) == 8 ? TiB : 256 * MiB))
#define USER_STACK_BYTES   ((size_t)(16 * KiB)) /* at the start */

#endif
