/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_efi_report.c - properties of the loader's report, in both of its forms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/efi_memory.h"
#include "efi/report.h"
#include "lib/bits.h"

#define STRIDE 48u /* as firmware has it: more than the structure */
#define ROWS   64u
#define ROOM   16384u

static struct machine machine = { .physical_bits = 46,
                                  .cpu_name = "A \"quoted\" CPU",
                                  .firmware_vendor = "Maker",
                                  .firmware_name = "Maker 1.2, UEFI 2.7" };
static struct firmware_machine_name name = { "The \\ Maker", "Model" };

struct collector {
    struct print_sink sink;
    size_t used;
    char text[ROOM];
};

static void collect(struct print_sink *sink, const char *text, size_t size)
{
    struct collector *all = CONTAINER_OF(sink, struct collector, sink);

    assert_true(all->used + size < ROOM);
    memcpy(all->text + all->used, text, size);
    all->used += size;
    all->text[all->used] = '\0';
}

/* The report of these descriptors, which are put where nothing is aligned. */
static const char *report_of(const struct efi_memory_descriptor *descriptors, size_t count,
                             enum report_form form)
{
    static struct collector all;
    struct region rows[ROWS];
    struct handoff_change changes[ROWS];
    struct memmap map;
    uint8_t *bytes = malloc(1 + count * STRIDE);
    struct firmware_map firmware = { .descriptors = bytes + 1,
                                     .size_bytes = count * STRIDE,
                                     .descriptor_bytes = STRIDE,
                                     .descriptor_version = 1 };

    memset(bytes, 0xcc, 1 + count * STRIDE);
    for (size_t i = 0; i < count; i++)
        memcpy(bytes + 1 + i * STRIDE, &descriptors[i], sizeof(descriptors[i]));
    memmap_init(&map, rows, ROWS, changes, ROWS, (uint64_t)1 << 46);
    assert_int_equal(memmap_add_efi(&map, bytes + 1, count * STRIDE, STRIDE), STATUS_OK);
    assert_int_equal(memmap_sanitise(&map), STATUS_OK);
    all = (struct collector){ .sink = { collect } };
    report_write(&(struct report){ &machine, &name, &firmware, &map }, form, &all.sink);
    free(bytes);
    return all.text;
}

#define WB (EFI_ATTRIBUTE_UC | EFI_ATTRIBUTE_WB)

static const struct efi_memory_descriptor good[] = {
    { EFI_TYPE_BOOT_SERVICES_DATA, 0, 0, 0, 1, WB },
    { EFI_TYPE_CONVENTIONAL, 0, 0x100000, 0, 0x10000, WB },
    { EFI_TYPE_RUNTIME_SERVICES_DATA, 0, 0x10100000, 0, 0x600, WB | EFI_ATTRIBUTE_RUNTIME },
    { 0x70000001, 0, 0x40000000, 0, 3, 0 },
};

static const struct efi_memory_descriptor strange[] = {
    { EFI_TYPE_CONVENTIONAL, 0, 0, 0, 0, WB },
    { EFI_TYPE_CONVENTIONAL, 0, 0x100000, 0, UINT64_MAX, WB },
    { EFI_TYPE_CONVENTIONAL, 0, UINT64_MAX, 0, 1, UINT64_MAX },
    { UINT32_MAX, 0, 0x200000, 0, 2, 0 },
};

static void expect(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' is not in\n%s", part, text);
}

static void text_says_it_all(void **state)
{
    /* The text has the machine, every descriptor with its size and attributes, every row, and every
     * change with its reason, and says when it is whole. */
    const char *text = report_of(good, ARRAY_COUNT(good), REPORT_TEXT);

    (void)state;
    expect(text, "machine    The \\ Maker, Model\n");
    expect(text, "addresses of 46 bits\n");
    expect(text, "Maker 1.2, UEFI 2.7, Secure Boot off\n");
    expect(text, "000000100000-0000100fffff   256 MiB  ConventionalMemory  UC WB\n");
    expect(text, "000010100000-0000106fffff     6 MiB  RuntimeServicesData UC WB RT\n");
    expect(text, "000040000000-000040002fff    12 KiB  OEM                 -\n");
    expect(text, "000000100000-0000100fffff   256 MiB  usable              none\n");
    expect(text, "\n                           unknown type\n");
    assert_string_equal(text + strlen(text) - strlen("\nEnd of the report.\n"),
                        "\nEnd of the report.\n");
}

static void what_secures_the_machine_is_told(void **state)
{
    /* Both forms say whether Secure Boot is on, and whether there is a TPM. */
    (void)state;
    machine.secure_boot = machine.tpm = true;
    expect(report_of(good, ARRAY_COUNT(good), REPORT_TEXT), "Secure Boot on, TPM 2.0\n");
    expect(report_of(good, ARRAY_COUNT(good), REPORT_JSON), "\"secure_boot\":true,\"tpm\":true,");
    machine.secure_boot = machine.tpm = false;
    expect(report_of(good, ARRAY_COUNT(good), REPORT_JSON), "\"secure_boot\":false,\"tpm\":false,");
}

static void json_escapes_what_firmware_says(void **state)
{
    /* Names with quotation marks and backslashes stay text of JSON, and lines begin with the lists' objects. */
    const char *text = report_of(good, ARRAY_COUNT(good), REPORT_JSON);

    (void)state;
    expect(text, "{\"meridian\":1,\"event\":\"report\",\"machine\":{\"vendor\":\"The \\\\ Maker\"");
    expect(text, "\"cpu\":\"A \\\"quoted\\\" CPU\",\"physical_bits\":46}");
    expect(text, "\n,{\"base\":\"0x100000\",\"pages\":\"0x10000\",\"type\":7,\"name\":"
                 "\"ConventionalMemory\",\"attribute\":\"0x9\"}");
    expect(text, "\"changes\":[\n{\"base\":");
    assert_string_equal(text + strlen(text) - 3, "]}\n");
}

static void strange_maps_are_told(void **state)
{
    /* Descriptors without pages, that wrap, or of unknown types are told as they are; nothing else of
     * the text is longer than a line of a screen. */
    const char *text = report_of(strange, ARRAY_COUNT(strange), REPORT_TEXT);

    (void)state;
    expect(text, "4 descriptors of 48 bytes");
    expect(text, "000000000000-000000000000       0 B  ConventionalMemory  UC WB\n");
    expect(text, "UC WC WT WB NV MR SP RT\n");
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 100);
    text = report_of(strange, ARRAY_COUNT(strange), REPORT_JSON);
    expect(text, "\"pages\":\"0xffffffffffffffff\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_says_it_all),
        cmocka_unit_test(what_secures_the_machine_is_told),
        cmocka_unit_test(json_escapes_what_firmware_says),
        cmocka_unit_test(strange_maps_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
