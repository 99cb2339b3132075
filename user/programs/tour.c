/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tour.c - the way of a byte: malloc, the VMM, the page-frame allocator, the page table, and back.
 *
 * The kernel tells its own steps between the lines of this program (`run` traces it).
 */
#include "lib/print.h"
#include "lib/string.h"
#include "program.h"

/* Memory that is new is zero, and keeps what is written to it. */
static bool use(uint8_t *memory, size_t size_bytes, uint8_t value)
{
    print("writing to %zu bytes at %p\n", size_bytes, (void *)memory);
    memset(memory, value, size_bytes);
    for (size_t i = 0; i < size_bytes; i++) {
        if (memory[i] != value)
            return false;
    }
    return true;
}

int main(uintptr_t user_end)
{
    uint8_t *small, *second, *large;
    bool kept;

    (void)user_end;
    say("1. the first malloc needs an area; the first touch of each page needs a frame");
    small = malloc(100);
    kept = small != NULL && use(small, 100, 1);
    say("2. the next one fits into the same page: neither call nor fault");
    second = malloc(200);
    kept = second != NULL && use(second, 200, 2) && kept;
    say("3. what is larger than a page touches the pages that it needs");
    large = malloc(6000);
    kept = large != NULL && use(large, 6000, 3) && kept;
    say("4. what is as large as an arena gets an area, and gives its frames back with it");
    free(large);
    large = malloc(256 * 1024);
    kept = large != NULL && use(large, 4097, 4) && kept;
    free(large);
    say("5. what is left goes with the program");
    kept = kept && small[99] == 1 && second[199] == 2;
    free(second);
    free(small);
    return kept ? 0 : 1;
}
