/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report_save.c - the report into memory, and from there into files.
 *
 * It is written while the firmware is whole, before the start goes on, so that it is there even where
 * the kernel is not. A stick that takes no report is no reason not to boot: the user is told.
 */
#include "console.h"
#include "lib/string.h"
#include "loader.h"
#include "pages.h"

#define REPORT_TEXT_PATH "\\meridian\\memmap.txt"
#define REPORT_JSON_PATH "\\meridian\\memmap.json"

/* Counts what is written, and keeps it where there is a buffer; that has room for all of it. */
struct buffer_sink {
    struct print_sink sink;
    char *start;
    size_t used;
};

static void buffer_write(struct print_sink *sink, const char *text, size_t size)
{
    struct buffer_sink *buffer = CONTAINER_OF(sink, struct buffer_sink, sink);

    if (buffer->start != NULL)
        memcpy(buffer->start + buffer->used, text, size);
    buffer->used += size;
}

/* Written twice: the first time to learn its size. */
static enum status render(struct loader *loader, const struct report *report, enum report_form form,
                          struct text *text)
{
    struct buffer_sink buffer = { .sink = { buffer_write } };
    paddr_t base;

    report_write(report, form, &buffer.sink);
    if (pages_allocate(buffer.used + 1, PAGES_ANYWHERE, REGION_TAG_LOADER, &base) != STATUS_OK)
        return refuse(&loader->refusal, STATUS_NO_MEMORY, "Use a machine with more memory.",
                      "no memory for the report");
    buffer = (struct buffer_sink){ .sink = { buffer_write }, .start = pages_pointer(base) };
    report_write(report, form, &buffer.sink);
    buffer.start[buffer.used] = '\0';
    *text = (struct text){ buffer.start, buffer.used };
    return STATUS_OK;
}

/* What both forms are written from. */
struct gathered {
    struct memory_snapshot snapshot;
    struct firmware_machine_name name;
    struct report report;
};

static enum status gather(struct loader *loader, struct gathered *facts)
{
    enum status status = memory_snapshot_take(loader, &facts->snapshot);

    if (status != STATUS_OK)
        return status;
    firmware_tables_name_machine(&facts->snapshot.map, loader->machine.smbios, &facts->name);
    facts->report = (struct report){ .machine = &loader->machine,
                                     .name = &facts->name,
                                     .firmware = &facts->snapshot.firmware,
                                     .map = &facts->snapshot.map };
    return STATUS_OK;
}

enum status report_render(struct loader *loader, enum report_form form, struct text *text)
{
    struct gathered facts;
    enum status status = gather(loader, &facts);

    if (status != STATUS_OK)
        return status;
    status = render(loader, &facts.report, form, text);
    memory_snapshot_release(&facts.snapshot);
    return status;
}

static enum status save_form(struct loader *loader, const struct volume *volume,
                             const struct report *report, enum report_form form, struct text path)
{
    struct text text;
    enum status status = render(loader, report, form, &text);

    if (status != STATUS_OK)
        return status;
    status = files_save(volume, path, text, &loader->refusal);
    pages_free(pa((uintptr_t)text.start));
    return status;
}

static enum status save_forms(struct loader *loader, const struct volume *volume)
{
    struct gathered facts;
    enum status status = gather(loader, &facts);

    if (status != STATUS_OK)
        return status;
    status = save_form(loader, volume, &facts.report, REPORT_TEXT, TEXT_LITERAL(REPORT_TEXT_PATH));
    if (status == STATUS_OK)
        status =
            save_form(loader, volume, &facts.report, REPORT_JSON, TEXT_LITERAL(REPORT_JSON_PATH));
    memory_snapshot_release(&facts.snapshot);
    return status;
}

static enum status save(struct loader *loader)
{
    struct volume volume = { 0 };
    enum status status = files_open_home(&volume, &loader->refusal);

    if (status == STATUS_OK)
        status = save_forms(loader, &volume);
    files_close_volume(&volume);
    return status;
}

void report_save(struct loader *loader)
{
    loader->refusal.place[0] = '\0';
    if (save(loader) == STATUS_OK)
        console_print("Meridian saved its report: %s and %s.\n", REPORT_TEXT_PATH,
                      REPORT_JSON_PATH);
    else
        console_show_refusal("Meridian cannot save its report", &loader->refusal);
}

enum status report_if_asked(struct loader *loader)
{
    if (loader->config.report || loader->config.dump)
        report_save(loader);
    loader->leave = loader->leave || loader->config.dump;
    return STATUS_OK;
}
