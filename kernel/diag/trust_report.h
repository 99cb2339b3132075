/* SPDX-License-Identifier: BSD-2-Clause
 *
 * diag/trust_report.h - what vouches for this boot: Secure Boot, and what the TPM was told.
 *
 * The kernel can only repeat what its loader says: a loader that was replaced would say the same. What
 * proves it is the TPM's registers, which a verifier compares with the digests (SECURITY.md).
 */
#ifndef MERIDIAN_DIAG_TRUST_REPORT_H
#define MERIDIAN_DIAG_TRUST_REPORT_H

#include "mm/handoff_adopt.h"

/* Lines, and the event `trust`; nothing where no UEFI loader started the kernel. Early. */
void trust_report(const struct handoff_view *machine);

#endif
