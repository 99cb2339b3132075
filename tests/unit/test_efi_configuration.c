/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_efi_configuration.c - properties of how a configuration and load options become a command line, with
 * Secure Boot off and on.
 */
#include "uefi_machine.h"

#include "efi/loader.h"
#include "efi/pages.h"
#include "efi/pin.h"

static struct loader loader;
static EFI_RUNTIME_SERVICES runtime;
static bool secure_boot;
static bool setup_mode;
static const char *pinned_text; /* what the loader was signed with; NULL: it was not */

/* In place of efi/pin.c. */
bool pin_get(uint8_t digest[SHA256_BYTES])
{
    memset(digest, 0, SHA256_BYTES);
    if (pinned_text != NULL)
        sha256_of(pinned_text, strlen(pinned_text), digest);
    return pinned_text != NULL;
}

/* SecureBoot and SetupMode; no other variable is there. */
static EFI_STATUS EFIAPI get_variable(CHAR16 *name, EFI_GUID *vendor, UINT32 *attributes,
                                      UINTN *size, void *value)
{
    bool on = name[2] == L'c' ? secure_boot : setup_mode;

    (void)vendor;
    (void)attributes;
    assert_int_equal(*size, 1);
    *(UINT8 *)value = on;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI locate_nothing(EFI_GUID *guid, void *registration, void **interface)
{
    (void)guid;
    (void)registration;
    *interface = NULL;
    return EFI_NOT_FOUND;
}

static int start_machine(void **state)
{
    (void)state;
    uefi_machine_start(1);
    memset(&loader, 0, sizeof(loader));
    runtime = (EFI_RUNTIME_SERVICES){ .GetVariable = get_variable };
    uefi.runtime = &runtime;
    uefi.boot->LocateProtocol = locate_nothing;
    secure_boot = setup_mode = false;
    pinned_text = NULL;
    return 0;
}

static int stop_machine(void **state)
{
    (void)state;
    files_close_volume(&loader.volume);
    pages_free_all();
    uefi_machine_stop();
    return 0;
}

/* Reads a configuration on the loader's own volume; `options` stand in its boot entry. */
static enum status read_with(const char *text, CHAR16 *options, size_t units)
{
    struct uefi_device *device = &uefi_machine.devices[0];

    device->has_volume = true;
    device->files[0] = (struct uefi_file){ .path = CONFIG_FILE_PATH,
                                           .bytes = (const uint8_t *)text,
                                           .size_bytes = strlen(text),
                                           .told_bytes = strlen(text) };
    uefi.loaded->LoadOptions = options;
    uefi.loaded->LoadOptionsSize = (UINT32)(units * sizeof(CHAR16));
    return configuration_read(&loader);
}

#define OPTIONS(string) (CHAR16[]){ string }, sizeof(string) / sizeof(CHAR16)

static void load_options_are_taken_without_a_lock(void **state)
{
    /* With Secure Boot off, or still waiting for its keys, load options follow the configuration's words. */
    (void)state;
    assert_int_equal(read_with("cmdline: json\n", OPTIONS(L"nokaslr")), STATUS_OK);
    assert_string_equal(loader.command_line.text, "json nokaslr");
    assert_false(loader.policy.options_left_out);
    assert_false(loader.machine.secure_boot);
}

static void setup_mode_is_not_secure_boot(void **state)
{
    /* Firmware that says SecureBoot but is in set-up mode enforces nothing, and so nothing is locked. */
    (void)state;
    secure_boot = setup_mode = true;
    assert_int_equal(read_with("kernel: \\k.elf\n", OPTIONS(L"nokaslr")), STATUS_OK);
    assert_string_equal(loader.command_line.text, "nokaslr");
    assert_false(loader.machine.secure_boot);
}

static void secure_boot_leaves_load_options_out(void **state)
{
    /* With Secure Boot on load options change nothing, and that they were there is noted. */
    (void)state;
    secure_boot = true;
    assert_int_equal(read_with("cmdline: json\n", OPTIONS(L"nokaslr")), STATUS_OK);
    assert_string_equal(loader.command_line.text, "json");
    assert_int_equal(loader.command_line.length, 4);
    assert_true(loader.policy.options_left_out);
    assert_true(loader.machine.secure_boot);
}

static void long_options_do_not_stop_a_locked_boot(void **state)
{
    /* Load options that would not fit beside the configuration's words are an error, but not where they are
     * left out: whoever can write a boot entry cannot stop the boot with it. */
    static CHAR16 options[2000];
    char text[CONFIG_FILE_LINE_BYTES];

    (void)state;
    for (size_t i = 0; i + 1 < 2000; i++)
        options[i] = i % 8 == 7 ? L' ' : 0xe4; /* two bytes of UTF-8 */
    memset(text, 'y', sizeof(text));
    memcpy(text, "cmdline: ", 9);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(read_with(text, options, 2000), STATUS_NO_SPACE);
    memset(&loader.command_line, 0, sizeof(loader.command_line));
    files_close_volume(&loader.volume);
    secure_boot = true;
    assert_int_equal(read_with(text, options, 2000), STATUS_OK);
    assert_int_equal(loader.command_line.length, strlen(text) - 9);
    assert_true(loader.policy.options_left_out);
}

static void nothing_left_out_is_not_noted(void **state)
{
    /* A boot entry without load options, or with bytes that are no text, is no reason for a warning. */
    static CHAR16 binary[] = { 1, 2, 0xd800 };

    (void)state;
    secure_boot = true;
    assert_int_equal(read_with("cmdline: json\n", binary, 3), STATUS_OK);
    assert_false(loader.policy.options_left_out);
    assert_string_equal(loader.command_line.text, "json");
}

static void files_of_a_configuration_are_judged(void **state)
{
    /* The policy is asked: with Secure Boot on a configuration that is not pinned names no kernel. */
    (void)state;
    secure_boot = true;
    assert_int_equal(read_with("kernel: \\k.elf\n", NULL, 0), STATUS_DENIED);
    assert_non_null(strstr(loader.refusal.reason, "Secure Boot is on"));
}

static void a_pinned_loader_wants_its_configuration(void **state)
{
    /* A pinned loader boots with its configuration, which load options do not change; another one, or none on any
     * volume, is refused, with Secure Boot off as well. */
    (void)state;
    pinned_text = "cmdline: json\n";
    assert_int_equal(configuration_read(&loader), STATUS_DENIED);
    assert_non_null(strstr(loader.refusal.reason, "is missing"));
    assert_int_equal(read_with("cmdline: json\n\n", NULL, 0), STATUS_DENIED);
    assert_non_null(strstr(loader.refusal.reason, "not the configuration"));
    files_close_volume(&loader.volume);
    assert_int_equal(read_with("cmdline: json\n", OPTIONS(L"nokaslr")), STATUS_OK);
    assert_string_equal(loader.command_line.text, "json");
    assert_true(loader.policy.options_left_out);
}

static void required_measurement_needs_a_tpm(void **state)
{
    /* measure: required is obeyed where there is no TPM: nothing boots. */
    (void)state;
    assert_int_equal(read_with("measure: required\n", NULL, 0), STATUS_DENIED);
    assert_non_null(strstr(loader.refusal.reason, "no TPM 2.0"));
}

#define ON_A_MACHINE(test) cmocka_unit_test_setup_teardown(test, start_machine, stop_machine)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_MACHINE(load_options_are_taken_without_a_lock),
        ON_A_MACHINE(setup_mode_is_not_secure_boot),
        ON_A_MACHINE(secure_boot_leaves_load_options_out),
        ON_A_MACHINE(long_options_do_not_stop_a_locked_boot),
        ON_A_MACHINE(nothing_left_out_is_not_noted),
        ON_A_MACHINE(files_of_a_configuration_are_judged),
        ON_A_MACHINE(a_pinned_loader_wants_its_configuration),
        ON_A_MACHINE(required_measurement_needs_a_tpm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
