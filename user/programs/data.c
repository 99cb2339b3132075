/* SPDX-License-Identifier: BSD-2-Clause
 *
 * data.c - hostile: executes data.
 */
#include "lib/string.h"
#include "program.h"

#define RETURN 0xc3u /* RET, on both widths */

static uint8_t code[] = { RETURN };

int main(uintptr_t user_end)
{
    uintptr_t address = (uintptr_t)code;
    void (*function)(void);

    (void)user_end;
    say("executing a byte of data");
    memcpy(&function, &address, sizeof function);
    function();
    say("data can be executed!");
    return 1;
}
