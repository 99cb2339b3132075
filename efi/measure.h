/* SPDX-License-Identifier: BSD-2-Clause
 *
 * measure.h - tells the TPM what is booted, before it is used.
 *
 * A measurement extends a register of the TPM (a PCR) with the hash of some bytes, and adds an entry to the
 * firmware's event log. Nothing that runs later can take it back, so a verifier, or a secret that is sealed
 * to the registers, can tell this boot from another one. Registers and events are those of GRUB:
 *
 *     PCR 8   the kernel's command line              "kernel_cmdline: TEXT"
 *     PCR 9   the configuration, the kernel (unpacked where it is the embedded one), each module
 *             the file's path, or "embedded kernel"
 *
 * The loader itself is in PCR 4: the firmware measured it. Where there is no TPM, or it fails, the boot goes
 * on, unless the configuration demands measurement: the kernel is told either way (boot/handoff.h).
 */
#ifndef MERIDIAN_EFI_MEASURE_H
#define MERIDIAN_EFI_MEASURE_H

#include "config_file.h"
#include "refusal.h"
#include "sha256.h"
#include "text.h"

#define MEASURE_PCR_COMMAND_LINE 8u
#define MEASURE_PCR_FILES        9u
/* Configuration, kernel, command line, modules. */
#define MEASURE_MAX              (3 + CONFIG_FILE_MAX_MODULES)

struct measurement {
    uint32_t pcr;
    bool extended; /* the TPM took it */
    uint8_t digest[SHA256_BYTES];
    struct text name;
};

struct measurements {
    struct tcg2_protocol *tcg2; /* NULL where there is no TPM 2.0 */
    bool required;
    struct text log; /* the firmware's log: measure_read_log() */
    size_t count;
    struct measurement rows[MEASURE_MAX];
};

/* Finds the firmware's log of all measurements so far; `log` stays empty where there is none that makes sense. */
void measure_read_log(struct measurements *all);

/* Looks for a TPM; nothing is measured yet, or required. */
void measure_begin(struct measurements *all);

/* From now on a measurement that cannot be made is refused; so are those that could not be made before.
 * STATUS_DENIED with a refusal. */
enum status measure_require(struct measurements *all, struct refusal *refusal);

/* Measures bytes that are in memory. `name` must live as long as `all`. STATUS_OK also where there is no TPM or
 * it fails, unless measurement is required. */
enum status measure_file(struct measurements *all, struct text name, const void *bytes,
                         uint64_t size_bytes, struct refusal *refusal);
enum status measure_command_line(struct measurements *all, struct text line,
                                 struct refusal *refusal);

#endif
