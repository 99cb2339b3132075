/* SPDX-License-Identifier: BSD-2-Clause
 *
 * plugin.c - counts how often each instruction of the kernel is executed, inside of QEMU.
 *
 *     qemu-system-x86_64 -plugin coverage.so,text=FILE,start=0xffffffff80000000,counts=FILE ...
 *
 * The kernel that runs is the one that ships: nothing is added to it. `text` is its code byte for byte, `start`
 * the address that it was linked at. `counts` is a file of one 64-bit number a byte of code, shared with
 * every other machine that runs meanwhile, and true at any moment: a machine may be killed. An instruction counts
 * when its bytes are those of the file, so other kernels and programs change nothing. Machines add without
 * locking, so a number may be too small, but not 0 for what was executed.
 *
 * Where the kernel has slid to is known from its first instruction, which begins a page, as the file does.
 * QEMU's interface (version 1) is declared here, since distributions do not package its header.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_BYTES    4096u
#define ENTRY_BYTES   2u /* RDTSC, the kernel's first instruction */
#define PLUGIN_API    1
#define INLINE_ADD_64 0

/* --- QEMU's side ------------------------------------------------------------------------------- */

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*callback)(qemu_plugin_id_t id,
                                                            struct qemu_plugin_tb *block));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *instruction);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *instruction, int operation,
                                                void *number, uint64_t addend);

extern int qemu_plugin_version;
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int count,
                        char **arguments);

int qemu_plugin_version = PLUGIN_API;

/* --- counting ------------------------------------------------------------------------------------ */

static const uint8_t *text;
static size_t text_bytes;
static uint64_t link_start;
static uint64_t start; /* where it is in the machine */
static uint64_t *counts;

/* Whether the instruction is the kernel's, as far as its own bytes tell, if the kernel is at `base`. */
static bool is_ours(const struct qemu_plugin_insn *instruction, uint64_t base)
{
    uint64_t offset = qemu_plugin_insn_vaddr(instruction) - base;
    size_t size = qemu_plugin_insn_size(instruction);

    return offset < text_bytes && size <= text_bytes - offset &&
           memcmp(text + offset, qemu_plugin_insn_data(instruction), size) == 0;
}

/* A block that begins as the kernel does, on a page of the window that it slides in. */
static void look_for_start(const struct qemu_plugin_tb *block)
{
    const struct qemu_plugin_insn *first = qemu_plugin_tb_get_insn(block, 0);
    uint64_t address = qemu_plugin_insn_vaddr(first);

    if (address >= link_start && address % PAGE_BYTES == 0 &&
        qemu_plugin_insn_size(first) == ENTRY_BYTES && is_ours(first, address))
        start = address;
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    size_t count = qemu_plugin_tb_n_insns(block);

    (void)id;
    if (count != 0)
        look_for_start(block);
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);

        if (is_ours(instruction, start))
            qemu_plugin_register_vcpu_insn_exec_inline(
                instruction, INLINE_ADD_64, &counts[qemu_plugin_insn_vaddr(instruction) - start],
                1);
    }
}

/* --- arguments ------------------------------------------------------------------------------------ */

/* A file in memory, with room for `size` bytes unless that is 0; *size gets its own. */
static void *map_file(const char *path, size_t *size)
{
    int file = open(path, *size != 0 ? O_RDWR | O_CREAT : O_RDONLY, 0644);
    int rights = *size != 0 ? PROT_READ | PROT_WRITE : PROT_READ;
    struct stat status;
    void *content = MAP_FAILED;

    if (file >= 0 && (*size == 0 || ftruncate(file, (off_t)*size) == 0) &&
        fstat(file, &status) == 0) {
        *size = (size_t)status.st_size;
        content = mmap(NULL, *size, rights, MAP_SHARED, file, 0);
    }
    if (content == MAP_FAILED)
        fprintf(stderr, "coverage: %s: %s\n", path, strerror(errno));
    if (file >= 0)
        close(file);
    return content == MAP_FAILED ? NULL : content;
}

/* The value of NAME=VALUE; NULL: it is another argument. */
static const char *value_of(const char *argument, const char *name)
{
    size_t length = strlen(name);

    return strncmp(argument, name, length) == 0 && argument[length] == '=' ? argument + length + 1
                                                                           : NULL;
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int count,
                        char **arguments)
{
    const char *text_path = NULL, *counts_path = NULL;
    size_t counts_bytes;

    (void)info;
    for (int i = 0; i < count; i++) {
        if (value_of(arguments[i], "text") != NULL)
            text_path = value_of(arguments[i], "text");
        else if (value_of(arguments[i], "counts") != NULL)
            counts_path = value_of(arguments[i], "counts");
        else if (value_of(arguments[i], "start") != NULL)
            link_start = strtoull(value_of(arguments[i], "start"), NULL, 0);
    }
    if (text_path == NULL || counts_path == NULL || link_start == 0) {
        fprintf(stderr, "coverage: text=, start= and counts= are needed\n");
        return 1;
    }
    text = map_file(text_path, &text_bytes);
    counts_bytes = text_bytes * sizeof(counts[0]);
    counts = text != NULL ? map_file(counts_path, &counts_bytes) : NULL;
    if (counts == NULL)
        return 1;
    start = link_start;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    return 0;
}
