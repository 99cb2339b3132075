/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_efi_measure.c - properties of what the TPM is told, with a firmware that has none, has one, or has
 * one that fails.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "efi/command_line.h"
#include "efi/measure.h"
#include "efi/tcg2.h"
#include "efi/uefi.h"

#define EVENT_BYTES (COMMAND_LINE_BYTES + 64u)

/* What the TPM saw of the last call, and how it answers. */
static struct {
    unsigned calls;
    uint64_t data_bytes;
    uint8_t digest[SHA256_BYTES];
    uint8_t event[EVENT_BYTES];
    EFI_STATUS answer;
    EFI_STATUS capability_answer;
    uint8_t present;
    uint64_t log;
    uint64_t last;
} tpm;

static EFI_STATUS EFIAPI get_capability(struct tcg2_protocol *self,
                                        struct tcg2_capability *capability)
{
    (void)self;
    assert_int_equal(capability->size_bytes, sizeof(*capability));
    capability->tpm_present = tpm.present;
    return tpm.capability_answer;
}

static EFI_STATUS EFIAPI hash_log_extend_event(struct tcg2_protocol *self, uint64_t flags,
                                               EFI_PHYSICAL_ADDRESS data, uint64_t data_bytes,
                                               struct tcg2_event *event)
{
    (void)self;
    assert_int_equal(flags, 0);
    assert_true(event->size_bytes <= sizeof(tpm.event));
    tpm.calls++;
    tpm.data_bytes = data_bytes;
    sha256_of((const void *)(uintptr_t)data, data_bytes, tpm.digest);
    memcpy(tpm.event, event, event->size_bytes);
    return tpm.answer;
}

static EFI_STATUS EFIAPI get_event_log(struct tcg2_protocol *self, uint32_t format,
                                       EFI_PHYSICAL_ADDRESS *log, EFI_PHYSICAL_ADDRESS *last,
                                       uint8_t *truncated)
{
    (void)self;
    assert_int_equal(format, TCG2_LOG_CRYPTO_AGILE);
    *log = tpm.log;
    *last = tpm.last;
    *truncated = 0;
    return tpm.answer;
}

static struct tcg2_protocol protocol = { .get_capability = get_capability,
                                         .get_event_log = get_event_log,
                                         .hash_log_extend_event = hash_log_extend_event };

static EFI_STATUS EFIAPI locate_protocol(EFI_GUID *guid, void *registration, void **interface)
{
    static EFI_GUID wanted = TCG2_PROTOCOL_GUID;

    (void)registration;
    if (!uefi_guid_equal(guid, &wanted))
        return EFI_NOT_FOUND;
    *interface = &protocol;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI locate_nothing(EFI_GUID *guid, void *registration, void **interface)
{
    (void)guid;
    (void)registration;
    *interface = NULL;
    return EFI_NOT_FOUND;
}

static EFI_BOOT_SERVICES services;

static struct measurements machine_with(EFI_LOCATE_PROTOCOL locate)
{
    struct measurements all = { 0 };

    memset(&tpm, 0, sizeof(tpm));
    tpm.present = 1;
    services.LocateProtocol = locate;
    uefi.boot = &services;
    measure_begin(&all);
    return all;
}

static void without_a_tpm_nothing_is_measured(void **state)
{
    /* Without a TPM, or with one that the firmware says is not there, a boot goes on and nothing is noted. */
    struct measurements all = machine_with(locate_nothing);
    struct refusal refusal;

    (void)state;
    assert_null(all.tcg2);
    assert_int_equal(measure_file(&all, TEXT_LITERAL("\\k"), "abc", 3, &refusal), STATUS_OK);
    assert_int_equal(measure_command_line(&all, TEXT_LITERAL("a"), &refusal), STATUS_OK);
    assert_int_equal(all.count, 0);
    all = machine_with(locate_protocol);
    assert_ptr_equal(all.tcg2, &protocol);
    tpm.present = 0;
    measure_begin(&all);
    assert_null(all.tcg2);
    tpm.present = 1;
    tpm.capability_answer = EFI_DEVICE_ERROR;
    measure_begin(&all);
    assert_null(all.tcg2);
}

static void a_file_extends_register_9(void **state)
{
    /* The TPM gets all bytes of a file and its path as an event of the form that the specification draws, byte
     * for byte; the loader notes the same digest. */
    static const uint8_t expected[] = { 23,   0,   0,   0, /* of all: 18 + "\\k.x" and its end */
                                        14,   0,   0,   0, /* of the header */
                                        1,    0,           /* its version */
                                        9,    0,   0,   0, /* the register */
                                        13,   0,   0,   0, /* EV_IPL */
                                        '\\', 'k', '.', 'x', 0 };
    struct measurements all = machine_with(locate_protocol);
    struct refusal refusal;
    uint8_t digest[SHA256_BYTES];

    (void)state;
    sha256_of("abc", 3, digest);
    assert_int_equal(measure_file(&all, TEXT_LITERAL("\\k.x"), "abc", 3, &refusal), STATUS_OK);
    assert_int_equal(tpm.calls, 1);
    assert_int_equal(tpm.data_bytes, 3);
    assert_memory_equal(tpm.digest, digest, sizeof(digest));
    assert_memory_equal(tpm.event, expected, sizeof(expected));
    assert_int_equal(all.count, 1);
    assert_int_equal(all.rows[0].pcr, 9);
    assert_true(all.rows[0].extended);
    assert_memory_equal(all.rows[0].digest, digest, sizeof(digest));
    assert_true(text_equal(all.rows[0].name, "\\k.x"));
}

static void a_command_line_extends_register_8(void **state)
{
    /* The longest command line is measured whole, and whole in the log, behind the words that GRUB uses. */
    static char line[COMMAND_LINE_BYTES - 1];
    struct measurements all = machine_with(locate_protocol);
    struct refusal refusal;
    const struct tcg2_event *event = (const void *)tpm.event;

    (void)state;
    memset(line, 'x', sizeof(line));
    assert_int_equal(measure_command_line(&all, (struct text){ line, sizeof(line) }, &refusal),
                     STATUS_OK);
    assert_int_equal(tpm.data_bytes, sizeof(line));
    assert_int_equal(event->pcr, 8);
    assert_int_equal(event->size_bytes, sizeof(*event) + 16 + sizeof(line) + 1);
    assert_memory_equal(tpm.event + sizeof(*event), "kernel_cmdline: xx", 18);
    assert_int_equal(strlen((const char *)tpm.event + sizeof(*event)), 16 + sizeof(line));
    assert_int_equal(all.rows[0].pcr, 8);
    assert_true(text_equal(all.rows[0].name, "command line"));
}

static void a_tpm_that_fails_stops_nothing(void **state)
{
    /* A failure is noted, and the boot goes on; a log that is full is no failure. */
    struct measurements all = machine_with(locate_protocol);
    struct refusal refusal;

    (void)state;
    tpm.answer = EFI_VOLUME_FULL;
    assert_int_equal(measure_file(&all, TEXT_LITERAL("a"), "abc", 3, &refusal), STATUS_OK);
    tpm.answer = EFI_DEVICE_ERROR;
    assert_int_equal(measure_file(&all, TEXT_LITERAL("b"), "abc", 3, &refusal), STATUS_OK);
    assert_int_equal(all.count, 2);
    assert_true(all.rows[0].extended);
    assert_false(all.rows[1].extended);
}

static void expect_denied(enum status status, const struct refusal *refusal, const char *reason)
{
    assert_int_equal(status, STATUS_DENIED);
    assert_non_null(refusal->next);
    if (strstr(refusal->reason, reason) == NULL)
        fail_msg("'%s' does not say '%s'", refusal->reason, reason);
}

static void required_measurements_are_enforced(void **state)
{
    /* Where measurement is required, no TPM, a failure before and a failure after are refused by name. */
    struct measurements all = machine_with(locate_nothing);
    struct refusal refusal = { 0 };

    (void)state;
    expect_denied(measure_require(&all, &refusal), &refusal, "no TPM 2.0");
    expect_denied(measure_file(&all, TEXT_LITERAL("a"), "", 1, &refusal), &refusal, "no TPM 2.0");
    expect_denied(measure_command_line(&all, TEXT_LITERAL("a"), &refusal), &refusal, "no TPM 2.0");
    all = machine_with(locate_protocol);
    assert_int_equal(measure_require(&all, &refusal), STATUS_OK);
    assert_int_equal(measure_file(&all, TEXT_LITERAL("a"), "abc", 3, &refusal), STATUS_OK);
    tpm.answer = EFI_DEVICE_ERROR;
    expect_denied(measure_file(&all, TEXT_LITERAL("b"), "abc", 3, &refusal), &refusal,
                  "did not take the measurement of b");
    all = machine_with(locate_protocol);
    tpm.answer = EFI_DEVICE_ERROR;
    assert_int_equal(measure_file(&all, TEXT_LITERAL("c"), "abc", 3, &refusal), STATUS_OK);
    expect_denied(measure_require(&all, &refusal), &refusal, "did not take the measurement of c");
}

static void the_log_is_found_where_there_is_one(void **state)
{
    /* A log is taken from its first byte to its end; there is none where firmware fails, gives none, or says that
     * it ends before it begins. */
    static const uint8_t first_event[] = { 0,   0,   0,   0,   3,   0,   0,   0,   0,   0,   0,
                                           0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
                                           0,   0,   0,   0,   0,   0,   33,  0,   0,   0,   'S',
                                           'p', 'e', 'c', ' ', 'I', 'D', ' ', 'E', 'v', 'e', 'n',
                                           't', '0', '3', 0,   0,   0,   0,   0,   0,   2,   0,
                                           2,   1,   0,   0,   0,   11,  0,   32,  0,   0 };
    struct measurements all = machine_with(locate_protocol);

    (void)state;
    measure_read_log(&all);
    assert_int_equal(all.log.size_bytes, 0);
    tpm.log = (uintptr_t)first_event;
    measure_read_log(&all);
    assert_ptr_equal(all.log.start, first_event);
    assert_int_equal(all.log.size_bytes, sizeof(first_event));
    tpm.last = tpm.log - 1;
    measure_read_log(&all);
    assert_int_equal(all.log.size_bytes, 0);
    tpm.last = 0;
    tpm.answer = EFI_NOT_FOUND;
    measure_read_log(&all);
    assert_int_equal(all.log.size_bytes, 0);
    all.tcg2 = NULL;
    tpm.answer = EFI_SUCCESS;
    measure_read_log(&all);
    assert_int_equal(all.log.size_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_tpm_nothing_is_measured),
        cmocka_unit_test(a_file_extends_register_9),
        cmocka_unit_test(a_command_line_extends_register_8),
        cmocka_unit_test(a_tpm_that_fails_stops_nothing),
        cmocka_unit_test(required_measurements_are_enforced),
        cmocka_unit_test(the_log_is_found_where_there_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
