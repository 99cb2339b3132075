/* SPDX-License-Identifier: BSD-2-Clause
 *
 * measure.c - see measure.h. The firmware hashes for the TPM, with every algorithm of its banks; the
 * loader's own SHA-256 is for the kernel and the report. Without a TPM nothing is hashed.
 */
#include "measure.h"

#include "command_line.h"
#include "event_log.h"
#include "lib/print.h"
#include "lib/string.h"
#include "tcg2.h"
#include "uefi.h"

#define EVENT_TEXT_BYTES (COMMAND_LINE_BYTES + 32u) /* with "kernel_cmdline: " */
#define ADVICE_TPM                                                                                 \
    "Turn the TPM on in the firmware's set-up, or take 'measure: required' out of the "            \
    "configuration."

static EFI_GUID tcg2_guid = TCG2_PROTOCOL_GUID;

void measure_begin(struct measurements *all)
{
    struct tcg2_capability capability = { .size_bytes = sizeof(capability) };
    struct tcg2_protocol *tcg2 = NULL;
    void *interface = NULL;

    if (!EFI_ERROR(uefi.boot->LocateProtocol(&tcg2_guid, NULL, &interface)))
        tcg2 = interface;
    if (tcg2 != NULL &&
        (EFI_ERROR(tcg2->get_capability(tcg2, &capability)) || capability.tpm_present == 0))
        tcg2 = NULL;
    all->tcg2 = tcg2;
}

static enum status refuse_missing(struct refusal *refusal)
{
    return refuse(refusal, STATUS_DENIED, ADVICE_TPM,
                  "the configuration demands measurement, and this machine has no TPM 2.0");
}

static enum status refuse_failed(const struct measurement *row, struct refusal *refusal)
{
    return refuse(refusal, STATUS_DENIED, ADVICE_TPM,
                  "the TPM did not take the measurement of %.*s", (int)row->name.size_bytes,
                  row->name.start);
}

enum status measure_require(struct measurements *all, struct refusal *refusal)
{
    all->required = true;
    if (all->tcg2 == NULL)
        return refuse_missing(refusal);
    for (size_t i = 0; i < all->count; i++) {
        if (!all->rows[i].extended)
            return refuse_failed(&all->rows[i], refusal);
    }
    return STATUS_OK;
}

/* A log that is full is the log's trouble: the register was extended (TCG EFI Protocol, 6.6.5). */
static bool extend(struct tcg2_protocol *tcg2, uint32_t pcr, const char *prefix, struct text text,
                   struct text bytes)
{
    union {
        struct tcg2_event event;
        char bytes[sizeof(struct tcg2_event) + EVENT_TEXT_BYTES];
    } buffer;
    struct tcg2_event *event = &buffer.event;
    char *data = buffer.bytes + sizeof(*event);
    EFI_STATUS status;

    print_buffer(data, EVENT_TEXT_BYTES, "%s%.*s", prefix, (int)text.size_bytes, text.start);
    *event = (struct tcg2_event){
        .size_bytes = (uint32_t)(sizeof(*event) + strlen(data) + 1),
        .header_bytes = TCG2_EVENT_HEADER_BYTES,
        .header_version = TCG2_EVENT_HEADER_VERSION,
        .pcr = pcr,
        .type = TCG2_EVENT_IPL,
    };
    status = tcg2->hash_log_extend_event(tcg2, 0, (uintptr_t)bytes.start, bytes.size_bytes, event);
    return !EFI_ERROR(status) || status == EFI_VOLUME_FULL;
}

static enum status note(struct measurements *all, const struct measurement *what, bool extended,
                        struct text bytes, struct refusal *refusal)
{
    struct measurement *row = &all->rows[all->count++];

    *row = *what;
    row->extended = extended;
    sha256_of(bytes.start, bytes.size_bytes, row->digest);
    return extended || !all->required ? STATUS_OK : refuse_failed(row, refusal);
}

enum status measure_file(struct measurements *all, struct text name, const void *bytes,
                         uint64_t size_bytes, struct refusal *refusal)
{
    struct text content = { bytes, (size_t)size_bytes };

    if (all->tcg2 == NULL)
        return all->required ? refuse_missing(refusal) : STATUS_OK;
    return note(all, &(struct measurement){ .pcr = MEASURE_PCR_FILES, .name = name },
                extend(all->tcg2, MEASURE_PCR_FILES, "", name, content), content, refusal);
}

enum status measure_command_line(struct measurements *all, struct text line,
                                 struct refusal *refusal)
{
    if (all->tcg2 == NULL)
        return all->required ? refuse_missing(refusal) : STATUS_OK;
    return note(all,
                &(struct measurement){ .pcr = MEASURE_PCR_COMMAND_LINE,
                                       .name = TEXT_LITERAL("command line") },
                extend(all->tcg2, MEASURE_PCR_COMMAND_LINE, "kernel_cmdline: ", line, line), line,
                refusal);
}

void measure_read_log(struct measurements *all)
{
    EFI_PHYSICAL_ADDRESS log = 0;
    EFI_PHYSICAL_ADDRESS last = 0;
    uint8_t truncated = 0;
    const char *start;

    all->log = (struct text){ NULL, 0 };
    if (all->tcg2 == NULL || EFI_ERROR(all->tcg2->get_event_log(all->tcg2, TCG2_LOG_CRYPTO_AGILE,
                                                                &log, &last, &truncated)))
        return;
    if (log == 0 || (last != 0 && last < log))
        return;
    start = (const char *)(uintptr_t)log;
    all->log = (struct text){ start, event_log_size(start, last == 0 ? 0 : last - log) };
}
