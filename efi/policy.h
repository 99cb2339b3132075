/* SPDX-License-Identifier: BSD-2-Clause
 *
 * policy.h - what may be started, and who may say so.
 *
 *                          Secure Boot off           Secure Boot on
 *     not pinned     anything                  the embedded kernel, no files
 *     pinned         files with their hash     files with their hash
 *
 * Firmware with Secure Boot on has checked the loader and the kernel in it. A hash in a configuration
 * that anybody may write proves nothing, so other files are taken only where the configuration is
 * pinned (pin.h), and then only with the hash that it gives. In three of the four cases ("locked") the
 * command line is the configuration's: neither load options nor the menu change it.
 * SECURITY.md tells what this is good for.
 */
#ifndef MERIDIAN_EFI_POLICY_H
#define MERIDIAN_EFI_POLICY_H

#include "config_file.h"

struct policy {
    bool secure_boot;
    bool pinned;
    uint8_t pin[SHA256_BYTES];
    bool options_left_out; /* there were load options, and they were not taken */
};

/* The command line is what the configuration says. */
static inline bool policy_is_locked(const struct policy *policy)
{
    return policy->secure_boot || policy->pinned;
}

/* Whether this is the configuration that the loader is pinned to, if it is. `text` has the bytes of the
 * file, or starts at NULL where there is none. STATUS_DENIED with a refusal where not. */
enum status policy_check_pin(const struct policy *policy, struct text text,
                             struct refusal *refusal);

/* Whether a configuration may name the files that it names. */
enum status policy_check_files(const struct policy *policy, const struct config_file *config,
                               struct refusal *refusal);

#endif
