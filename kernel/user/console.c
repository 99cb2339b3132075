/* SPDX-License-Identifier: BSD-2-Clause
 *
 * console.c - what programs write.
 *
 * Each line begins with the program's name, so that none can pass for the kernel's, nor for an
 * event; characters that a terminal would obey are replaced.
 */
#include "lib/print.h"
#include "process.h"

#define REPLACEMENT '?'

static bool is_printable(char character)
{
    return character >= ' ' && character <= '~';
}

void process_end_line(struct process *process)
{
    if (process->in_line)
        print("\n");
    process->in_line = false;
}

static void write_character(struct process *process, char character)
{
    if (character == '\n') {
        process_end_line(process);
        return;
    }
    if (!process->in_line)
        print("%s| ", process->program->name);
    process->in_line = true;
    print("%c", is_printable(character) ? character : REPLACEMENT);
}

void process_write(struct process *process, const char *text, size_t size_bytes)
{
    if ((process->flags & PROGRAM_SILENT) != 0)
        return;
    for (size_t i = 0; i < size_bytes; i++)
        write_character(process, text[i]);
}
