/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fake_memory.c - the physical memory of the hosted machine. fake_memory.h has the contract.
 *
 * One anonymous mapping without reservation of swap (MAP_NORESERVE): the host's own demand paging
 * makes it sparse. Transparent huge pages are turned off for it, for otherwise touching one page
 * would cost 2 MiB. An address beyond the end is found by one comparison in arch_phys_ptr(); a
 * hole by the host's page tables.
 */
#include "fake_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/mmu.h"

unsigned char *fake_memory_base;
uint64_t fake_memory_bytes;

static void stop(const char *what)
{
    perror(what);
    abort();
}

void fake_memory_create(uint64_t size_bytes)
{
    void *memory;

    fake_memory_destroy();
    if (size_bytes == 0 || size_bytes % PAGE_SIZE != 0 || size_bytes > FAKE_MEMORY_MAX_BYTES) {
        fprintf(stderr, "fake memory of 0x%llx bytes\n", (unsigned long long)size_bytes);
        abort();
    }
    memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        stop("fake memory");
    (void)madvise(memory, size_bytes, MADV_NOHUGEPAGE); /* a kernel without them refuses */
    fake_memory_base = memory;
    fake_memory_bytes = size_bytes;
}

void fake_memory_destroy(void)
{
    if (fake_memory_base == NULL)
        return;
    if (munmap(fake_memory_base, fake_memory_bytes) != 0)
        stop("end of the fake memory");
    fake_memory_base = NULL;
    fake_memory_bytes = 0;
}

void fake_memory_hole(paddr_t base, uint64_t size_bytes)
{
    if (mprotect(arch_phys_ptr(base), size_bytes, PROT_NONE) != 0)
        stop("hole in the fake memory");
}

void fake_memory_fill(paddr_t base, uint64_t size_bytes, unsigned char byte)
{
    memset(arch_phys_ptr(base), byte, size_bytes);
}

void fake_memory_beyond(paddr_t address)
{
    fprintf(stderr, "physical address 0x%llx is beyond the fake memory (0x%llx bytes)\n",
            (unsigned long long)pa_value(address), (unsigned long long)fake_memory_bytes);
    abort();
}
