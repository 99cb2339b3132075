/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tcg2.h - the firmware's way to a TPM 2.0, which gnu-efi does not bring.
 *
 * Source: TCG EFI Protocol Specification, family 2.0, level 00 revision 00.13, section 6; types of
 * events: TCG PC Client Platform Firmware Profile 1.05, section 10.4.1.
 */
#ifndef MERIDIAN_EFI_TCG2_H
#define MERIDIAN_EFI_TCG2_H

#include <efi.h>

#include "lib/types.h"

#define TCG2_PROTOCOL_GUID                                                                         \
    {                                                                                              \
        0x607f766c, 0x7455, 0x42be,                                                                \
        {                                                                                          \
            0x93, 0x0b, 0xe4, 0xd7, 0x6d, 0xb2, 0x72, 0x0f                                         \
        }                                                                                          \
    }

#define TCG2_LOG_CRYPTO_AGILE     0x2u /* a digest for each algorithm of the TPM */
#define TCG2_EVENT_HEADER_VERSION 1
#define TCG2_EVENT_IPL            0x0000000du /* EV_IPL: what a boot loader does */

struct tcg2_capability {
    uint8_t size_bytes; /* the caller's room; then how much of it means something */
    uint8_t structure_version[2];
    uint8_t protocol_version[2];
    uint32_t hash_algorithms;
    uint32_t event_logs;
    uint8_t tpm_present;
    uint16_t max_command_bytes;
    uint16_t max_response_bytes;
    uint32_t manufacturer;
    uint32_t bank_count;
    uint32_t active_banks;
};
static_assert(offsetof(struct tcg2_capability, tpm_present) == 16, "TCG EFI Protocol, 6.4");
static_assert(sizeof(struct tcg2_capability) == 36, "TCG EFI Protocol, 6.4");

/* What the log gets beside the digests; `data` is for people. */
struct [[gnu::packed]] tcg2_event {
    uint32_t size_bytes; /* of all of it */
    uint32_t header_bytes;
    uint16_t header_version;
    uint32_t pcr;
    uint32_t type;
    char data[];
};
static_assert(sizeof(struct tcg2_event) == 18, "TCG EFI Protocol, 6.6");
#define TCG2_EVENT_HEADER_BYTES (sizeof(struct tcg2_event) - sizeof(uint32_t))

struct tcg2_protocol {
    EFI_STATUS(EFIAPI *get_capability)
    (struct tcg2_protocol *self, struct tcg2_capability *capability);
    EFI_STATUS(EFIAPI *get_event_log)
    (struct tcg2_protocol *self, uint32_t format, EFI_PHYSICAL_ADDRESS *log,
     EFI_PHYSICAL_ADDRESS *last_event, uint8_t *truncated);
    EFI_STATUS(EFIAPI *hash_log_extend_event)
    (struct tcg2_protocol *self, uint64_t flags, EFI_PHYSICAL_ADDRESS data, uint64_t data_bytes,
     struct tcg2_event *event);
    void *submit_command;
    void *get_active_pcr_banks;
    void *set_active_pcr_banks;
    void *get_result_of_set_active_pcr_banks;
};

#endif
