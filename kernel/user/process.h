/* SPDX-License-Identifier: BSD-2-Clause
 *
 * process.h - a program while it runs; private to kernel/user.
 *
 * A program has an address space and a kernel stack, and so has each of its clones. They run one inside
 * of the other: a clone runs within the system call that made it, and ends before that returns.
 */
#ifndef MERIDIAN_KERNEL_USER_PROCESS_H
#define MERIDIAN_KERNEL_USER_PROCESS_H

#include "arch/user.h"
#include "mm/vmm.h"
#include "user/program.h"

/* What the kernel carries. */
struct program {
    const char *name;
    const char *does;
    const uint8_t *image; /* an ELF file */
    const uint8_t *image_end;
    unsigned flags; /* enum program_flag, always set */
};

struct process {
    const struct program *program;
    struct vm_space *space;
    vaddr_t kernel_stack;  /* one past its highest byte */
    struct process *outer; /* whose clone it is; NULL */
    uintptr_t map_slide;   /* how much higher than user/abi.h draws them map()'s window lies, */
    uintptr_t stack_slide; /* and the stack with its limit */
    unsigned spaces;       /* that exist, this one and the outer ones */
    unsigned flags;        /* enum program_flag */
    bool in_line;          /* the console's line is its own, and not at an end */
    struct program_end end;
};

/* process.c */

/* The one that is in ring 3 or in a system call; NULL. */
struct process *process_running(void);

/* Runs a clone of the running process, whose system call has `frame`, to its end. */
enum status process_run_clone(const struct trap_frame *frame, struct program_end *end);

/* Ends the running process. */
[[gnu::noreturn]] void process_exit(uintptr_t code);

/* One past the highest address of the process. */
uintptr_t process_end_of_space(const struct process *process);

/* programs.c */
const struct program *program_find(const char *name);

/* console.c: what a program writes, each of its lines marked as its own. */
void process_write(struct process *process, const char *text, size_t size_bytes);

/* Begins a line of the kernel's. */
void process_end_line(struct process *process);

/* trace.c: what the kernel does for a process, where it is traced. */
void trace_call(struct process *process, const struct arch_user_call *call);
void trace_result(struct process *process, const struct arch_user_call *call, enum status status,
                  uintptr_t result);
void trace_fault(struct process *process, const struct trap_info *info);
void trace_clone(struct process *process, const char *what);

/* copy.c: between the kernel and the process; false where the process has no such memory. */
bool process_read(const struct process *process, uintptr_t from, void *to, size_t size_bytes);
bool process_write_to(const struct process *process, uintptr_t to, const void *from,
                      size_t size_bytes);

#endif
