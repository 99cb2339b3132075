/* SPDX-License-Identifier: BSD-2-Clause
 *
 * configuration.c - what to boot, and how: the configuration file and the load options.
 *
 * No file: the embedded kernel boots with the load options as its command line. A file that is
 * wrong, or that names a kernel which isn't there, is a failure: booting something else than
 * was asked for would hide the mistake. What Secure Boot allows is told in policy.h.
 */
#include "loader.h"

#include "pages.h"
#include "pin.h"

static void learn_policy(struct loader *loader)
{
    struct policy *policy = &loader->policy;

    machine_inspect_secure_boot(&loader->machine);
    policy->secure_boot = loader->machine.secure_boot;
    policy->pinned = pin_get(policy->pin);
    measure_begin(&loader->measurements);
    loader->machine.tpm = loader->measurements.tcg2 != NULL;
}

/* Measured before it is believed. */
static enum status take_text(struct loader *loader, struct text text)
{
    struct refusal *refusal = &loader->refusal;
    enum status status = measure_file(&loader->measurements, TEXT_LITERAL(CONFIG_FILE_PATH),
                                      text.start, text.size_bytes, refusal);

    if (status == STATUS_OK)
        status = policy_check_pin(&loader->policy, text, refusal);
    if (status == STATUS_OK)
        status = config_file_parse(text, &loader->config, refusal);
    if (status == STATUS_OK)
        status = policy_check_files(&loader->policy, &loader->config, refusal);
    if (status == STATUS_OK && loader->config.measurement_required)
        status = measure_require(&loader->measurements, refusal);
    return status;
}

static enum status read_file(struct loader *loader)
{
    struct refusal *refusal = &loader->refusal;
    struct text path = TEXT_LITERAL(CONFIG_FILE_PATH);
    struct file file;
    uint64_t size;
    paddr_t base;
    enum status status = files_find(path, &loader->volume, &file, refusal);

    if (status == STATUS_NOT_FOUND)
        return policy_check_pin(&loader->policy, (struct text){ NULL, 0 }, refusal);
    if (status != STATUS_OK)
        return status;
    status = files_read_all(&file, REGION_TAG_LOADER, CONFIG_FILE_MAX_BYTES, &base, &size, refusal);
    files_close(&file);
    if (status != STATUS_OK)
        return status;
    return take_text(loader, (struct text){ pages_pointer(base), (size_t)size });
}

/* A locked command line is the configuration's alone: whoever may change a boot entry could override
 * it otherwise. */
static void append_options(struct loader *loader)
{
    struct command_line *line = &loader->command_line;
    size_t length = line->length;

    if (uefi.loaded == NULL || line->cut)
        return;
    command_line_append_options(line, uefi.loaded->LoadOptions, uefi.loaded->LoadOptionsSize);
    if (!policy_is_locked(&loader->policy) || (line->length == length && !line->cut))
        return;
    loader->policy.options_left_out = true;
    line->text[length] = '\0';
    line->length = length;
    line->cut = false;
}

static enum status join_command_line(struct loader *loader)
{
    struct command_line *line = &loader->command_line;

    command_line_append(line, loader->config.command_line);
    append_options(loader);
    if (line->cut)
        return refuse(&loader->refusal, STATUS_NO_SPACE, "Use fewer parameters.",
                      "the command line has more than %u bytes", COMMAND_LINE_BYTES - 1);
    return STATUS_OK;
}

enum status configuration_read(struct loader *loader)
{
    enum status status;

    learn_policy(loader);
    status = read_file(loader);
    if (status == STATUS_OK)
        status = join_command_line(loader);
    return status;
}

enum status configuration_measure(struct loader *loader)
{
    const struct command_line *line = &loader->command_line;

    return measure_command_line(&loader->measurements, (struct text){ line->text, line->length },
                                &loader->refusal);
}
