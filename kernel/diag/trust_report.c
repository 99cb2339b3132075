/* SPDX-License-Identifier: BSD-2-Clause
 *
 * trust_report.c - see diag/trust_report.h.
 */
#include "diag/trust_report.h"

#include "dev/console.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/print.h"

#define DIGEST_TEXT_BYTES (2 * HANDOFF_SHA256_BYTES + 1)

static void write_digest(const struct handoff_measurement *measurement,
                         char text[DIGEST_TEXT_BYTES])
{
    for (size_t i = 0; i < HANDOFF_SHA256_BYTES; i++)
        print_buffer(text + 2 * i, 3, "%02x", measurement->sha256[i]);
}

static void log_trust(const struct handoff_view *machine)
{
    uint32_t flags = machine->handoff->flags;

    log_info("Trust: Secure Boot %s, configuration %s, %s",
             flags & HANDOFF_SECURE_BOOT ? "on" : "off",
             flags & HANDOFF_PINNED ? "signed with the loader" : "not signed",
             flags & HANDOFF_TPM ? "TPM 2.0" : "no TPM 2.0: nothing is measured");
    if (flags & HANDOFF_OPTIONS_LEFT_OUT)
        log_warning("Trust: the load options were left out: the command line is the "
                    "configuration's alone");
}

static void log_measurement(const struct handoff_measurement *measurement)
{
    char digest[DIGEST_TEXT_BYTES];

    write_digest(measurement, digest);
    if (measurement->extended)
        log_info("PCR %u: %s %s", measurement->pcr, digest, measurement->name);
    else
        log_warning("PCR %u: the TPM did not take %s", measurement->pcr, measurement->name);
}

static void write_measurement(struct json *event, const struct handoff_measurement *measurement)
{
    char digest[DIGEST_TEXT_BYTES];

    write_digest(measurement, digest);
    json_item_begin(event);
    json_number(event, "pcr", measurement->pcr);
    json_text(event, "name", measurement->name);
    json_text(event, "sha256", digest);
    json_boolean(event, "extended", measurement->extended != 0);
    json_item_end(event);
}

/* Where a verifier finds the firmware's log: the block lies in the direct map. */
static void write_log_place(struct json *event, const struct handoff_view *machine)
{
    const struct handoff_event_log *log = machine->event_log;

    if (log == NULL)
        return;
    json_address(event, "event_log", (uintptr_t)log->log - machine->handoff->direct_map_va);
    json_number(event, "event_log_bytes", log->log_bytes);
}

void trust_report(const struct handoff_view *machine)
{
    uint32_t flags = machine->handoff->flags;
    struct json event;

    if (machine->handoff->loader != HANDOFF_LOADER_UEFI)
        return;
    log_trust(machine);
    json_begin(&event, json_console(), "trust");
    json_boolean(&event, "secure_boot", flags & HANDOFF_SECURE_BOOT);
    json_boolean(&event, "pinned", flags & HANDOFF_PINNED);
    json_boolean(&event, "options_left_out", flags & HANDOFF_OPTIONS_LEFT_OUT);
    json_boolean(&event, "tpm", flags & HANDOFF_TPM);
    json_list_begin(&event, "measured");
    for (size_t i = 0; i < machine->measurement_count; i++)
        write_measurement(&event, handoff_measurement_at(machine, i));
    json_list_end(&event);
    write_log_place(&event, machine);
    json_end(&event);
    for (size_t i = 0; i < machine->measurement_count; i++)
        log_measurement(handoff_measurement_at(machine, i));
}
