/* SPDX-License-Identifier: BSD-2-Clause
 *
 * policy.c - see policy.h. Pure: no firmware call, also built hosted.
 */
#include "policy.h"

#include "lib/string.h"

#define ADVICE_SIGN "Sign the loader together with this configuration: make sign CONF=FILE."

enum status policy_check_pin(const struct policy *policy, struct text text, struct refusal *refusal)
{
    const uint8_t *pin = policy->pin;
    uint8_t digest[SHA256_BYTES];

    refusal_place(refusal, "%s", CONFIG_FILE_PATH);
    if (!policy->pinned)
        return STATUS_OK;
    if (text.start == NULL)
        return refuse(refusal, STATUS_DENIED, "Copy it to the volume of the loader.",
                      "the configuration that this loader was signed with is missing");
    sha256_of(text.start, text.size_bytes, digest);
    if (memcmp(digest, pin, sizeof(digest)) == 0)
        return STATUS_OK;
    return refuse(refusal, STATUS_DENIED, ADVICE_SIGN,
                  "this is not the configuration that the loader was signed with: its SHA-256 "
                  "begins with %02x%02x%02x%02x instead of %02x%02x%02x%02x",
                  digest[0], digest[1], digest[2], digest[3], pin[0], pin[1], pin[2], pin[3]);
}

static enum status refuse_nameless(struct refusal *refusal, const char *key, struct text path)
{
    return refuse(refusal, STATUS_DENIED, "Add the line, and sign the loader with it anew.",
                  "there is no %s for '%.*s', and this loader was signed to take no file without",
                  key, (int)path.size_bytes, path.start);
}

enum status policy_check_files(const struct policy *policy, const struct config_file *config,
                               struct refusal *refusal)
{
    bool names_files = config->kernel.start != NULL || config->module_count > 0;

    refusal_place(refusal, "%s", CONFIG_FILE_PATH);
    if (!policy_is_locked(policy) || !names_files)
        return STATUS_OK;
    if (!policy->pinned)
        return refuse(refusal, STATUS_DENIED, ADVICE_SIGN,
                      "Secure Boot is on, and the loader's signature does not cover the "
                      "configuration: it may name no kernel and no modules");
    if (config->kernel.start != NULL && !config->kernel_hash.given)
        return refuse_nameless(refusal, "sha256", config->kernel);
    for (unsigned i = 0; i < config->module_count; i++) {
        if (!config->modules[i].hash.given)
            return refuse_nameless(refusal, "module-sha256", config->modules[i].path);
    }
    return STATUS_OK;
}
