/* SPDX-License-Identifier: BSD-2-Clause
 *
 * words.c - a line of \hostile.txt. Words are parted by spaces; N stands for a number.
 *
 * The memory map
 *   map-error map-short map-torn map-empty   GetMemoryMap() fails; gives descriptors of 32 bytes;
 *                   a map that ends within one; one without any
 *   map-no-ram      all memory that is free is reserved instead
 *   map-extra=N     N more descriptors, of single pages far above RAM
 *   map-pieces=N    the largest free range falls into N descriptors
 *   map-grow=N      every call gives N more descriptors than the one before
 *   map-jump=N      from the first refusal to leave on, N more
 *   map-stride=N    descriptors are N bytes apart, with rubbish between them
 *   map-shuffle     in no order
 *   map-nested      descriptors within and across others
 *   map-wrap        a descriptor that wraps past 2^64, and one without pages
 *   map-oem         types of manufacturers, and ones that nobody knows
 *   map-beyond      RAM across, and above, what the processor can address
 *   map-page-zero   page 0 is free memory
 *   map-sp map-unaccepted map-persistent map-uncached   a part of RAM is for a special purpose, not
 *                   accepted yet, persistent, cannot be cached
 *   map-no-attributes map-all-attributes   of any descriptor
 *   map-no-runtime  runtime memory lacks its attribute
 *   map-runtime-io  device memory has it
 *   map-acpi-usable map-acpi-hidden   ACPI's tables lie in free memory; in memory that is not described
 * Memory
 *   alloc-fails=N   from the N-th allocation on there is no memory
 *   page-zero=N     the first N grants are page 0
 *   alloc-high alloc-low alloc-no-execute   memory from above 4 GiB; from below 1 MiB as long as there is
 *                   some; that cannot be executed
 *   image-high      the loader itself lies above 4 GiB
 * Leaving
 *   exit-fails=N    the first N calls of ExitBootServices() fail, as if the map had changed
 *   key-changes=N   the map does change behind each of the first N that GetMemoryMap() gives
 *   timer           a timer of the firmware changes it all the time
 *   map-hangs exit-hangs   GetMemoryMap(), or ExitBootServices(), never returns
 *   come-back       nothing is left: the kernel is one that comes back
 * Files
 *   conf=NAME       the configuration file is \hostile\NAME
 *   read-short=N read-limit=N read-fails=N   reads give N bytes at most; fail above N; the N-th fails
 *   read-high-fails reads into memory above 4 GiB fail
 *   file-size-0 file-info-error   of every file
 *   no-volume no-volumes   the loader came from no device; nothing is a volume
 *   options         the command line comes from the firmware, as load options
 * Protocols and tables
 *   no-rng rng-fails no-acpi no-smbios no-tables no-variables watchdog-stays tpl-callback
 * Screens
 *   gop-none gop-blt gop-null   no output; one without a framebuffer; one without a mode
 *   gop-ghost       the console's is not the first, and the first one is no screen
 *   gop-far gop-beyond   its framebuffer lies above 512 GiB; where the processor cannot reach
 *   gop-stride gop-masks gop-565   lines longer than wide; other bits, in 32 and in 16
 *   gop-in-ram      it lies in memory that the map calls free
 *   gop-short       it is smaller than its mode
 * Consoles
 *   no-console no-output no-input   not there
 *   quiet           is not shown what the loader says, and no time passes
 *   keys=KEYS       what the user types: ~ is Enter, ! Escape, ^ and v are arrows, . nothing; Escape for ever
 *                   behind the last
 * Campaigns
 *   each-call sample=N   every call that the line makes fails once, and once for ever; beyond the
 *                   N-th of a site not every one
 *   bad-loader      the program that breaks all rules instead of the loader
 */
#include "hostile.h"

struct hostility hostility;

static const struct {
    const char *name;
    BOOLEAN *flag;
} flags[] = {
    { "map-error", &hostility.map_error },
    { "map-short", &hostility.map_short },
    { "map-torn", &hostility.map_torn },
    { "map-empty", &hostility.map_empty },
    { "map-no-ram", &hostility.map_no_ram },
    { "map-nested", &hostility.map_nested },
    { "map-wrap", &hostility.map_wrap },
    { "map-oem", &hostility.map_oem },
    { "map-shuffle", &hostility.map_shuffle },
    { "map-beyond", &hostility.map_beyond },
    { "map-sp", &hostility.map_sp },
    { "map-unaccepted", &hostility.map_unaccepted },
    { "map-persistent", &hostility.map_persistent },
    { "map-uncached", &hostility.map_uncached },
    { "map-page-zero", &hostility.map_page_zero },
    { "map-no-attributes", &hostility.map_no_attributes },
    { "map-all-attributes", &hostility.map_all_attributes },
    { "map-no-runtime", &hostility.map_no_runtime },
    { "map-runtime-io", &hostility.map_runtime_io },
    { "map-acpi-usable", &hostility.map_acpi_usable },
    { "map-acpi-hidden", &hostility.map_acpi_hidden },
    { "alloc-high", &hostility.alloc_high },
    { "alloc-low", &hostility.alloc_low },
    { "alloc-no-execute", &hostility.alloc_no_execute },
    { "image-high", &hostility.image_high },
    { "map-hangs", &hostility.map_hangs },
    { "exit-hangs", &hostility.exit_hangs },
    { "timer", &hostility.timer },
    { "come-back", &hostility.come_back },
    { "file-size-0", &hostility.file_size_0 },
    { "file-info-error", &hostility.file_info_error },
    { "read-high-fails", &hostility.read_high_fails },
    { "no-volume", &hostility.no_volume },
    { "no-volumes", &hostility.no_volumes },
    { "options", &hostility.options },
    { "no-rng", &hostility.no_rng },
    { "rng-fails", &hostility.rng_fails },
    { "no-acpi", &hostility.no_acpi },
    { "no-smbios", &hostility.no_smbios },
    { "no-tables", &hostility.no_tables },
    { "no-variables", &hostility.no_variables },
    { "watchdog-stays", &hostility.watchdog_stays },
    { "tpl-callback", &hostility.tpl_callback },
    { "gop-none", &hostility.gop_none },
    { "gop-blt", &hostility.gop_blt },
    { "gop-ghost", &hostility.gop_ghost },
    { "gop-null", &hostility.gop_null },
    { "gop-far", &hostility.gop_far },
    { "gop-beyond", &hostility.gop_beyond },
    { "gop-stride", &hostility.gop_stride },
    { "gop-masks", &hostility.gop_masks },
    { "gop-565", &hostility.gop_565 },
    { "gop-in-ram", &hostility.gop_in_ram },
    { "gop-short", &hostility.gop_short },
    { "no-console", &hostility.no_console },
    { "no-output", &hostility.no_output },
    { "no-input", &hostility.no_input },
    { "quiet", &hostility.quiet },
    { "each-call", &hostility.each_call },
    { "bad-loader", &hostility.bad_loader },
};

static const struct {
    const char *name;
    UINTN *number;
} numbers[] = {
    { "map-extra", &hostility.map_extra },     { "map-grow", &hostility.map_grow },
    { "map-jump", &hostility.map_jump },       { "map-stride", &hostility.map_stride },
    { "map-pieces", &hostility.map_pieces },   { "alloc-fails", &hostility.alloc_fails },
    { "page-zero", &hostility.page_zero },     { "exit-fails", &hostility.exit_fails },
    { "key-changes", &hostility.key_changes }, { "read-short", &hostility.read_short },
    { "read-limit", &hostility.read_limit },   { "read-fails", &hostility.read_fails },
    { "sample", &hostility.sample },
};

static const struct {
    const char *name;
    CHAR8 *text;
} texts[] = {
    { "conf", hostility.conf },
    { "keys", hostility.keys },
};

/* Behind `name` in `text`, or NULL where that does not begin with it. */
static const CHAR8 *behind(const CHAR8 *text, const char *name)
{
    while (*name != 0 && *text == (CHAR8)*name) {
        text++;
        name++;
    }
    return *name == 0 ? text : NULL;
}

static BOOLEAN take_flag(const CHAR8 *word)
{
    for (UINTN i = 0; i < ARRAY_LENGTH(flags); i++) {
        const CHAR8 *end = behind(word, flags[i].name);

        if (end != NULL && *end <= ' ')
            return *flags[i].flag = TRUE;
    }
    return FALSE;
}

static BOOLEAN take_number(const CHAR8 *word)
{
    for (UINTN i = 0; i < ARRAY_LENGTH(numbers); i++) {
        const CHAR8 *at = behind(word, numbers[i].name);

        if (at == NULL || *at != '=')
            continue;
        for (at++; *at >= '0' && *at <= '9'; at++)
            *numbers[i].number = *numbers[i].number * 10 + (UINTN)(*at - '0');
        return TRUE;
    }
    return FALSE;
}

static BOOLEAN take_text(const CHAR8 *word)
{
    for (UINTN i = 0; i < ARRAY_LENGTH(texts); i++) {
        const CHAR8 *at = behind(word, texts[i].name);

        if (at == NULL || *at != '=')
            continue;
        at++;
        for (UINTN used = 0; *at > ' ' && used + 1 < NAME_BYTES; used++)
            texts[i].text[used] = *at++;
        return TRUE;
    }
    return FALSE;
}

const CHAR8 *words_take_line(const CHAR8 *text)
{
    SetMem(&hostility, sizeof(hostility), 0);
    while (*text != 0 && *text != '\n') {
        const char *rest = (const char *)text;

        if (*text > ' ' && !take_flag(text) && !take_number(text) && !take_text(text))
            say("HOSTILE: violation: an unknown word begins here: %s\r\n", rest);
        while (*text > ' ')
            text++;
        while (*text == ' ' || *text == '\r')
            text++;
    }
    return *text == '\n' ? text + 1 : text;
}
