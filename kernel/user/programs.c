/* SPDX-License-Identifier: BSD-2-Clause
 *
 * programs.c - the programs that the kernel carries: user/programs has their sources.
 */
#include "lib/string.h"
#include "process.h"

/* images.asm */
#define IMAGE(name) extern const uint8_t program_##name[], program_##name##_end[]
IMAGE(tour);
IMAGE(clone);
IMAGE(kernel);
IMAGE(data);
IMAGE(text);
IMAGE(stack);
IMAGE(pointers);
IMAGE(gdt);
IMAGE(cli);
IMAGE(fpu);
IMAGE(step);
IMAGE(edge);
IMAGE(eat);
IMAGE(loop);
IMAGE(places);

#define PROGRAM(name, does, flags)                                                                 \
    {                                                                                              \
#name, does, program_##name, program_##name##_end, flags                                   \
    }

static const struct program programs[] = {
    PROGRAM(tour, "malloc, and what the kernel does for it step by step", PROGRAM_TRACED),
    PROGRAM(clone, "clones its address space and writes to both", PROGRAM_TRACED),
    PROGRAM(places, "tells where its parts lie", 0),
    PROGRAM(kernel, "hostile: reads the kernel", 0),
    PROGRAM(data, "hostile: executes data", 0),
    PROGRAM(text, "hostile: writes to its code", 0),
    PROGRAM(stack, "hostile: overruns its stack", 0),
    PROGRAM(pointers, "hostile: passes bad pointers to system calls", 0),
    PROGRAM(gdt, "hostile: asks where the kernel's descriptors lie", 0),
    PROGRAM(cli, "hostile: turns interrupts off", 0),
    PROGRAM(fpu, "hostile: uses registers that nobody keeps for it", 0),
    PROGRAM(step, "hostile: lets every instruction trap", 0),
    PROGRAM(edge, "hostile: lets a system call return to the end of user space", 0),
    PROGRAM(eat, "hostile: uses up all memory", 0),
    PROGRAM(loop, "hostile: never ends", 0),
};

const struct program *program_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(programs); i++) {
        if (strcmp(programs[i].name, name) == 0)
            return &programs[i];
    }
    return NULL;
}

bool program_describe(unsigned index, const char **name, const char **does)
{
    if (index >= ARRAY_COUNT(programs))
        return false;
    *name = programs[index].name;
    *does = programs[index].does;
    return true;
}
