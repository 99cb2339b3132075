/* SPDX-License-Identifier: BSD-2-Clause
 *
 * program.h - what every user program has: system calls, text, memory.
 *
 * A program is one file of user/programs with a main function, linked with the runtime into an ELF
 * file of its own that the kernel carries. It is freestanding and uses general registers only.
 */
#ifndef MERIDIAN_USER_PROGRAM_H
#define MERIDIAN_USER_PROGRAM_H

#include "lib/status.h"
#include "lib/types.h"
#include "user/abi.h"

/* The program. `user_end` is one past the highest address that may ever be mapped; what is returned
 * is its exit code. */
int main(uintptr_t user_end);

/* A system call as it is. start_*.asm. */
uintptr_t user_call(uintptr_t number, uintptr_t first, uintptr_t second, uintptr_t third);

/* The same without arguments, with single steps from its instruction on. */
uintptr_t user_call_stepped(uintptr_t number);

/* The instruction of a system call, and a jump to one elsewhere with `number` as the call's. */
#define USER_CALL_BYTES 2
extern const uint8_t user_call_instruction[USER_CALL_BYTES];
void user_call_at(uintptr_t instruction, uintptr_t number);

/* The calls with their types. */
[[gnu::noreturn]] void user_exit(uintptr_t code);
enum status user_map(void *address, size_t size_bytes, unsigned rights, void **start);
enum status user_unmap(void *address, size_t size_bytes);
enum status user_protect(void *address, size_t size_bytes, unsigned rights);

/* A line of text, and formatted text: lib/print.h's print() writes to the console, too. */
void say(const char *line);

/* Memory by the byte, told step by step: malloc.c. */
void *malloc(size_t size_bytes);
void free(void *memory);

#endif
