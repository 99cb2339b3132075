/* SPDX-License-Identifier: BSD-2-Clause
 *
 * config_file.c - see config_file.h. The file as a whole is checked first (size, encoding), then
 * each line in turn; a table says what each key means. The first fault ends it.
 *
 * Pure: no firmware call, also built hosted. Nothing is allocated or copied.
 */
#include "config_file.h"

#include "lib/string.h"

#define ADVICE_ENCODING "Save the file as plain UTF-8 text."
#define ADVICE_KEYS                                                                                \
    "Write 'key: value' lines with the keys kernel, sha256, cmdline, module, module-sha256, "      \
    "timeout, report, dump, screen, measure."
#define ADVICE_LINE "Correct the line, or put a # before it."

static enum status refuse_encoding(struct refusal *refusal, const char *reason)
{
    return refuse(refusal, STATUS_CORRUPT, ADVICE_ENCODING, "%s", reason);
}

/* --- values ------------------------------------------------------------------------------ */

static int hex_digit(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    return character >= 'A' && character <= 'F' ? character - 'A' + 10 : -1;
}

static enum status check_path(struct text path, struct refusal *refusal)
{
    if (path.size_bytes == 0)
        return refuse(refusal, STATUS_CORRUPT, ADVICE_LINE, "the path is empty");
    if (path.size_bytes > CONFIG_FILE_PATH_BYTES)
        return refuse(refusal, STATUS_UNSUPPORTED, ADVICE_LINE,
                      "the path has %zu bytes, more than %u", path.size_bytes,
                      CONFIG_FILE_PATH_BYTES);
    return STATUS_OK;
}

static enum status set_kernel(struct config_file *config, struct text value,
                              struct refusal *refusal)
{
    struct text path = value;

    if (value.start[0] == '"') {
        path = text_take_word(&value);
        if (value.size_bytes > 0)
            return refuse(refusal, STATUS_CORRUPT, ADVICE_LINE, "something follows the path");
    }
    config->kernel = path;
    return check_path(path, refusal);
}

static enum status set_hash(struct config_hash *hash, struct text value, struct refusal *refusal)
{
    if (value.size_bytes != 2 * SHA256_BYTES)
        return refuse(refusal, STATUS_CORRUPT, "Paste the 64 digits that sha256sum prints.",
                      "a SHA-256 has 64 hexadecimal digits, this has %zu characters",
                      value.size_bytes);
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        int high = hex_digit(value.start[2 * i]);
        int low = hex_digit(value.start[2 * i + 1]);

        if (high < 0 || low < 0)
            return refuse(refusal, STATUS_CORRUPT, "Paste the 64 digits that sha256sum prints.",
                          "'%.2s' is not hexadecimal", value.start + 2 * i);
        hash->digest[i] = (uint8_t)(high << 4 | low);
    }
    hash->given = true;
    return STATUS_OK;
}

static enum status set_kernel_hash(struct config_file *config, struct text value,
                                   struct refusal *refusal)
{
    return set_hash(&config->kernel_hash, value, refusal);
}

/* It belongs to the module whose line was last. */
static enum status set_module_hash(struct config_file *config, struct text value,
                                   struct refusal *refusal)
{
    struct config_module *module;

    if (config->module_count == 0)
        return refuse(refusal, STATUS_CORRUPT, "Put it below the module's line.",
                      "there is no module above that it belongs to");
    module = &config->modules[config->module_count - 1];
    if (module->hash.given)
        return refuse(refusal, STATUS_CORRUPT, ADVICE_LINE, "the module above has a hash already");
    return set_hash(&module->hash, value, refusal);
}

static enum status set_command_line(struct config_file *config, struct text value,
                                    struct refusal *refusal)
{
    (void)refusal;
    config->command_line = value;
    return STATUS_OK;
}

static enum status set_timeout(struct config_file *config, struct text value,
                               struct refusal *refusal)
{
    unsigned seconds = 0;

    for (size_t i = 0; i < value.size_bytes; i++) {
        if (value.start[i] < '0' || value.start[i] > '9')
            return refuse(refusal, STATUS_CORRUPT, ADVICE_LINE, "'%.*s' is not a number of seconds",
                          (int)value.size_bytes, value.start);
        seconds = seconds * 10 + (unsigned)(value.start[i] - '0');
        if (seconds > CONFIG_FILE_MAX_TIMEOUT)
            return refuse(refusal, STATUS_CORRUPT, ADVICE_LINE,
                          "the time-out is more than %u seconds", CONFIG_FILE_MAX_TIMEOUT);
    }
    config->timeout_seconds = seconds;
    config->timeout_given = true;
    return STATUS_OK;
}

static enum status set_switch(bool *on, struct text value, struct refusal *refusal)
{
    *on = text_equal(value, "yes");
    if (*on || text_equal(value, "no"))
        return STATUS_OK;
    return refuse(refusal, STATUS_CORRUPT, ADVICE_LINE, "'%.*s' is neither yes nor no",
                  (int)value.size_bytes, value.start);
}

static enum status set_report(struct config_file *config, struct text value,
                              struct refusal *refusal)
{
    return set_switch(&config->report, value, refusal);
}

static enum status set_dump(struct config_file *config, struct text value, struct refusal *refusal)
{
    return set_switch(&config->dump, value, refusal);
}

static enum status set_measure(struct config_file *config, struct text value,
                               struct refusal *refusal)
{
    config->measurement_required = text_equal(value, "required");
    if (config->measurement_required || text_equal(value, "optional"))
        return STATUS_OK;
    return refuse(refusal, STATUS_CORRUPT, ADVICE_LINE, "'%.*s' is neither required nor optional",
                  (int)value.size_bytes, value.start);
}

/* The digits in front of `value`, as a side of a screen; 0 where they are none, or too large. */
static uint32_t take_side(struct text *value)
{
    uint32_t pixels = 0;

    while (value->size_bytes > 0 && *value->start >= '0' && *value->start <= '9' &&
           pixels <= GRAPHICS_MAX_SIDE) {
        pixels = pixels * 10 + (uint32_t)(*value->start - '0');
        value->start++;
        value->size_bytes--;
    }
    return pixels <= GRAPHICS_MAX_SIDE ? pixels : 0;
}

static enum status set_screen(struct config_file *config, struct text value,
                              struct refusal *refusal)
{
    struct graphics_wish *wish = &config->screen;
    struct text rest = value;
    bool parted;

    *wish = (struct graphics_wish){ .kind = GRAPHICS_KEEP };
    if (text_equal(value, "keep"))
        return STATUS_OK;
    wish->kind = text_equal(value, "largest") ? GRAPHICS_LARGEST : GRAPHICS_EXACT;
    if (wish->kind == GRAPHICS_LARGEST)
        return STATUS_OK;
    wish->width_pixels = take_side(&rest);
    parted = rest.size_bytes > 0 && *rest.start == 'x';
    if (parted)
        rest = (struct text){ rest.start + 1, rest.size_bytes - 1 };
    wish->height_pixels = take_side(&rest);
    if (parted && wish->width_pixels > 0 && wish->height_pixels > 0 && rest.size_bytes == 0)
        return STATUS_OK;
    return refuse(refusal, STATUS_CORRUPT, ADVICE_LINE,
                  "'%.*s' is neither a size like 1920x1080 nor largest nor keep",
                  (int)value.size_bytes, value.start);
}

/* What follows the last separator. */
static struct text last_part(struct text path)
{
    size_t start = path.size_bytes;

    while (start > 0 && path.start[start - 1] != '\\' && path.start[start - 1] != '/')
        start--;
    return (struct text){ path.start + start, path.size_bytes - start };
}

static enum status add_module(struct config_file *config, struct text value,
                              struct refusal *refusal)
{
    struct config_module *module = &config->modules[config->module_count];
    enum status status;

    if (config->module_count == CONFIG_FILE_MAX_MODULES)
        return refuse(refusal, STATUS_NO_SPACE, "Put several files into one module.",
                      "there are more than %u modules", CONFIG_FILE_MAX_MODULES);
    module->path = text_take_word(&value);
    module->name = value.size_bytes > 0 ? value : last_part(module->path);
    status = check_path(module->path, refusal);
    if (status != STATUS_OK)
        return status;
    if (module->name.size_bytes == 0)
        return refuse(refusal, STATUS_CORRUPT, ADVICE_LINE, "the path ends as a folder's does");
    if (module->name.size_bytes > CONFIG_FILE_NAME_BYTES)
        return refuse(refusal, STATUS_UNSUPPORTED, "Give a shorter name after the path.",
                      "the module's name has %zu bytes, more than %u", module->name.size_bytes,
                      CONFIG_FILE_NAME_BYTES);
    config->module_count++;
    return STATUS_OK;
}

/* --- lines ------------------------------------------------------------------------------- */

struct key {
    const char *name;
    bool repeatable;
    enum status (*set)(struct config_file *config, struct text value, struct refusal *refusal);
};

static const struct key keys[] = {
    { "kernel", false, set_kernel },
    { "sha256", false, set_kernel_hash },
    { "cmdline", false, set_command_line },
    { "module", true, add_module },
    { "timeout", false, set_timeout },
    { "report", false, set_report },
    { "dump", false, set_dump },
    { "screen", false, set_screen },
    { "module-sha256", true, set_module_hash },
    { "measure", false, set_measure },
};

struct parser {
    struct config_file *config;
    struct refusal *refusal;
    unsigned line;                          /* counted from 1 */
    unsigned first_line[ARRAY_COUNT(keys)]; /* where a key was given; 0 while it was not */
};

static void note_line(struct parser *parser)
{
    refusal_place(parser->refusal, "%s, line %u", CONFIG_FILE_PATH, parser->line);
}

static enum status parse_value(struct parser *parser, size_t key, struct text value)
{
    if (value.size_bytes == 0)
        return refuse(parser->refusal, STATUS_CORRUPT, ADVICE_LINE, "'%s' has no value",
                      keys[key].name);
    if (parser->first_line[key] != 0 && !keys[key].repeatable)
        return refuse(parser->refusal, STATUS_CORRUPT, ADVICE_LINE,
                      "'%s' was already given in line %u", keys[key].name, parser->first_line[key]);
    parser->first_line[key] = parser->line;
    return keys[key].set(parser->config, value, parser->refusal);
}

static enum status parse_pair(struct parser *parser, struct text line)
{
    const char *colon = line.start;
    struct text name;
    struct text value;

    while (colon < line.start + line.size_bytes && *colon != ':')
        colon++;
    if (colon == line.start + line.size_bytes)
        return refuse(parser->refusal, STATUS_CORRUPT, ADVICE_KEYS, "there is no ':' in '%.*s'",
                      (int)line.size_bytes, line.start);
    name = text_trim((struct text){ line.start, (size_t)(colon - line.start) });
    value =
        text_trim((struct text){ colon + 1, line.size_bytes - (size_t)(colon - line.start) - 1 });
    for (size_t key = 0; key < ARRAY_COUNT(keys); key++) {
        if (text_equal(name, keys[key].name))
            return parse_value(parser, key, value);
    }
    return refuse(parser->refusal, STATUS_CORRUPT, ADVICE_KEYS, "the key '%.*s' is unknown",
                  (int)name.size_bytes, name.start);
}

static enum status parse_line(struct parser *parser, struct text line)
{
    note_line(parser);
    if (line.size_bytes > CONFIG_FILE_LINE_BYTES)
        return refuse(parser->refusal, STATUS_CORRUPT, ADVICE_LINE,
                      "the line has %zu bytes, more than %u", line.size_bytes,
                      CONFIG_FILE_LINE_BYTES);
    line = text_trim(line);
    if (line.size_bytes == 0 || line.start[0] == '#')
        return STATUS_OK;
    return parse_pair(parser, line);
}

/* The part before the next line feed; `rest` becomes what follows it. */
static struct text take_line(struct text *rest)
{
    struct text line = { rest->start, 0 };
    size_t taken;

    while (line.size_bytes < rest->size_bytes && line.start[line.size_bytes] != '\n')
        line.size_bytes++;
    taken = line.size_bytes < rest->size_bytes ? line.size_bytes + 1 : line.size_bytes;
    rest->start += taken;
    rest->size_bytes -= taken;
    return line;
}

/* --- the whole file ---------------------------------------------------------------------- */

static bool begins_with(struct text text, const char *bytes, size_t count)
{
    return text.size_bytes >= count && memcmp(text.start, bytes, count) == 0;
}

static bool is_text_byte(char byte)
{
    return (uint8_t)byte >= ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Size, encoding, and characters that no text has. */
static enum status check_text(struct text text, struct parser *parser)
{
    size_t bad = text_bad_utf8(text);

    refusal_place(parser->refusal, "%s", CONFIG_FILE_PATH);
    if (text.size_bytes > CONFIG_FILE_MAX_BYTES)
        return refuse(parser->refusal, STATUS_CORRUPT, "Make sure that it is the right file.",
                      "the file has %zu bytes, more than %u", text.size_bytes,
                      CONFIG_FILE_MAX_BYTES);
    if (begins_with(text, "\xff\xfe", 2) || begins_with(text, "\xfe\xff", 2))
        return refuse_encoding(parser->refusal, "the file is UTF-16");
    for (size_t i = 0; i < text.size_bytes; i++) {
        if (text.start[i] == '\n')
            parser->line++;
        if (i < bad && is_text_byte(text.start[i]))
            continue;
        note_line(parser);
        return refuse_encoding(parser->refusal, i == bad ? "a byte is not UTF-8"
                                                : text.start[i] == 0
                                                    ? "there is a NUL byte: this is no text"
                                                    : "there is a control character");
    }
    return STATUS_OK;
}

enum status config_file_parse(struct text text, struct config_file *config, struct refusal *refusal)
{
    struct parser parser = { .config = config, .refusal = refusal, .line = 1 };
    enum status status;

    memset(config, 0, sizeof(*config));
    status = check_text(text, &parser);
    if (status != STATUS_OK)
        return status;
    if (begins_with(text, "\xef\xbb\xbf", 3)) { /* some editors put a mark before UTF-8 */
        text.start += 3;
        text.size_bytes -= 3;
    }
    for (parser.line = 1; text.size_bytes > 0; parser.line++) {
        status = parse_line(&parser, take_line(&text));
        if (status != STATUS_OK)
            return status;
    }
    refusal_place(refusal, "%s", CONFIG_FILE_PATH);
    if (config->kernel_hash.given && config->kernel.start == NULL)
        return refuse(refusal, STATUS_CORRUPT, "Name the kernel, or take the sha256 line out.",
                      "there is a sha256 but no kernel that it belongs to");
    return STATUS_OK;
}
