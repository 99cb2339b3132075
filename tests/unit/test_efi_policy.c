/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_efi_policy.c - properties of what may be started: the table of efi/policy.h.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "efi/pin.h"
#include "efi/policy.h"

#define DIGITS      "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KERNEL      "kernel: \\k.elf\n"
#define HASH        "sha256: " DIGITS "\n"
#define MODULE      "module: \\m.img\n"
#define MODULE_HASH "module-sha256: " DIGITS "\n"

static struct policy policy_of(bool secure_boot, bool pinned)
{
    return (struct policy){ .secure_boot = secure_boot, .pinned = pinned };
}

/* What is said about a configuration; the reason is "" where it is accepted. */
static struct refusal judge(struct policy policy, const char *configuration)
{
    struct text text = { configuration, strlen(configuration) };
    struct config_file config;
    struct refusal refusal = { 0 };
    enum status status;

    assert_int_equal(config_file_parse(text, &config, &refusal), STATUS_OK);
    refusal = (struct refusal){ 0 };
    status = policy_check_files(&policy, &config, &refusal);
    assert_int_equal(status, refusal.reason[0] == '\0' ? STATUS_OK : STATUS_DENIED);
    if (status != STATUS_OK) {
        assert_non_null(refusal.next);
        assert_string_equal(refusal.place, CONFIG_FILE_PATH);
    }
    return refusal;
}

static void expect_refusal(struct policy policy, const char *configuration, const char *reason)
{
    struct refusal refusal = judge(policy, configuration);

    if (strstr(refusal.reason, reason) == NULL)
        fail_msg("'%s' does not say '%s'", refusal.reason, reason);
}

static void expect_allowed(struct policy policy, const char *configuration)
{
    assert_string_equal(judge(policy, configuration).reason, "");
}

static void anything_goes_without_a_rule(void **state)
{
    /* With Secure Boot off, and no pin, a configuration may name any files. */
    (void)state;
    expect_allowed(policy_of(false, false), "");
    expect_allowed(policy_of(false, false), KERNEL MODULE);
    expect_allowed(policy_of(false, false), KERNEL HASH MODULE MODULE_HASH);
    assert_false(policy_is_locked(&(struct policy){ 0 }));
}

static void secure_boot_takes_no_files_on_their_own_word(void **state)
{
    /* With Secure Boot on, and no pin, no file may be named, whatever hash stands beside it. */
    struct policy policy = policy_of(true, false);

    (void)state;
    expect_allowed(policy, "");
    expect_allowed(policy, "cmdline: json\ntimeout: 3\n");
    expect_refusal(policy, KERNEL, "Secure Boot is on");
    expect_refusal(policy, KERNEL HASH, "Secure Boot is on");
    expect_refusal(policy, MODULE, "Secure Boot is on");
    expect_refusal(policy, MODULE MODULE_HASH, "Secure Boot is on");
    assert_true(policy_is_locked(&policy));
}

static void pinned_files_need_their_hash(void **state)
{
    /* A pinned configuration may name files, each with its hash, whether Secure Boot is on or off. */
    (void)state;
    for (unsigned secure_boot = 0; secure_boot < 2; secure_boot++) {
        struct policy policy = policy_of(secure_boot == 1, true);

        expect_allowed(policy, "");
        expect_allowed(policy, KERNEL HASH);
        expect_allowed(policy, KERNEL HASH MODULE MODULE_HASH);
        expect_refusal(policy, KERNEL, "there is no sha256 for '\\k.elf'");
        expect_refusal(policy, KERNEL MODULE MODULE_HASH, "there is no sha256 for '\\k.elf'");
        expect_refusal(policy, KERNEL HASH MODULE, "there is no module-sha256 for '\\m.img'");
        expect_refusal(policy, MODULE MODULE_HASH "module: two\n",
                       "there is no module-sha256 for 'two'");
        assert_true(policy_is_locked(&policy));
    }
}

static enum status check_pin(const struct policy *policy, const char *text, char *reason)
{
    struct refusal refusal = { 0 };
    enum status status =
        policy_check_pin(policy, (struct text){ text, text != NULL ? strlen(text) : 0 }, &refusal);

    strcpy(reason, refusal.reason);
    return status;
}

static void only_the_pinned_configuration_is_taken(void **state)
{
    /* A pinned loader takes the configuration of its pin: no other byte, no other length, not none. */
    struct policy policy = policy_of(false, true);
    char reason[REFUSAL_REASON_BYTES];

    (void)state;
    sha256_of("cmdline: json\n", 14, policy.pin);
    assert_int_equal(check_pin(&policy, "cmdline: json\n", reason), STATUS_OK);
    assert_int_equal(check_pin(&policy, "cmdline: jsoN\n", reason), STATUS_DENIED);
    assert_non_null(strstr(reason, "not the configuration that the loader was signed with"));
    assert_int_equal(check_pin(&policy, "cmdline: json", reason), STATUS_DENIED);
    assert_int_equal(check_pin(&policy, "", reason), STATUS_DENIED);
    assert_int_equal(check_pin(&policy, NULL, reason), STATUS_DENIED);
    assert_non_null(strstr(reason, "is missing"));
    for (unsigned bit = 0; bit < 8 * SHA256_BYTES; bit++) {
        policy.pin[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(check_pin(&policy, "cmdline: json\n", reason), STATUS_DENIED);
        policy.pin[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    policy.pinned = false;
    assert_int_equal(check_pin(&policy, "cmdline: jsoN\n", reason), STATUS_OK);
    assert_int_equal(check_pin(&policy, NULL, reason), STATUS_OK);
}

static void a_built_loader_is_not_pinned(void **state)
{
    /* As it is built a loader has no pin; only tools/pe.py gives it one. */
    static const uint8_t nothing[SHA256_BYTES];
    uint8_t digest[SHA256_BYTES];

    (void)state;
    assert_false(pin_get(digest));
    assert_memory_equal(digest, nothing, sizeof(digest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anything_goes_without_a_rule),
        cmocka_unit_test(secure_boot_takes_no_files_on_their_own_word),
        cmocka_unit_test(pinned_files_need_their_hash),
        cmocka_unit_test(only_the_pinned_configuration_is_taken),
        cmocka_unit_test(a_built_loader_is_not_pinned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
