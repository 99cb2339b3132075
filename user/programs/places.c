/* SPDX-License-Identifier: BSD-2-Clause
 *
 * places.c - tells where its parts lie: with `aslr`, elsewhere each time.
 */
#include "lib/print.h"
#include "program.h"

static volatile uint8_t data = 1;

static void tell(const char *what, const volatile void *place)
{
    print("%s at 0x%llx\n", what, (unsigned long long)(uintptr_t)place);
}

int main(uintptr_t user_end)
{
    volatile uint8_t local = data;
    void *memory;

    if (user_map(NULL, PAGE_SIZE, USER_WRITE, &memory) != STATUS_OK)
        return 2;
    tell("text", (const void *)(uintptr_t)main);
    tell("data", &data);
    tell("memory", memory);
    tell("stack", &local);
    print("end of all at 0x%llx\n", (unsigned long long)user_end);
    return 0;
}
