/* SPDX-License-Identifier: BSD-2-Clause
 *
 * configuration.c - what to boot, and how: the configuration file and the load options.
 *
 * No file: the embedded kernel boots with the load options as its command line. A file that is
 * wrong, or that names a kernel which isn't there, is a failure: booting something else than
 * was asked for would hide the mistake.
 */
#include "loader.h"

#include "pages.h"

static enum status read_file(struct loader *loader)
{
    struct refusal *refusal = &loader->refusal;
    struct text path = TEXT_LITERAL(CONFIG_FILE_PATH);
    struct file file;
    uint64_t size;
    paddr_t base;
    enum status status = files_find(path, &loader->volume, &file, refusal);

    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status != STATUS_OK)
        return status;
    status = files_read_all(&file, REGION_TAG_LOADER, CONFIG_FILE_MAX_BYTES, &base, &size, refusal);
    files_close(&file);
    if (status != STATUS_OK)
        return status;
    return config_file_parse((struct text){ pages_pointer(base), (size_t)size }, &loader->config,
                             refusal);
}

static enum status join_command_line(struct loader *loader)
{
    struct command_line *line = &loader->command_line;

    command_line_append(line, loader->config.command_line);
    if (uefi.loaded != NULL)
        command_line_append_options(line, uefi.loaded->LoadOptions, uefi.loaded->LoadOptionsSize);
    if (line->cut)
        return refuse(&loader->refusal, STATUS_NO_SPACE, "Use fewer parameters.",
                      "the command line has more than %u bytes", COMMAND_LINE_BYTES - 1);
    return STATUS_OK;
}

enum status configuration_read(struct loader *loader)
{
    enum status status = read_file(loader);

    if (status == STATUS_OK)
        status = join_command_line(loader);
    return status;
}
