/* SPDX-License-Identifier: BSD-2-Clause
 *
 * own_panic.c - a process whose panic and log take the place of the library's.
 */
#include <meridian/arch/embed.h>
#include <meridian/mm/pmm.h>

#include <stdio.h>
#include <stdlib.h>

void meridian_log(unsigned level, const char *line)
{
    printf("own log %u: %s\n", level, line);
}

void meridian_panic(const char *message)
{
    printf("own panic: %s\n", message);
    exit(3);
}

bool meridian_map(void *page, uint64_t physical, size_t size_bytes)
{
    (void)page;
    (void)physical;
    return size_bytes == 0;
}

void meridian_unmap(void *page, size_t size_bytes)
{
    (void)page;
    (void)size_bytes;
}

/* There is no frame at all yet. */
int main(void)
{
    frame_get(pfn(1));
    return 0;
}
