#include "dialect/anthropic_model.h"

enum line { LINE_NONE, OPUS = 1, SONNET = 2, HAIKU = 4, FABLE = 8, MYTHOS = 16, OLD = 32 };
enum { ANY = OPUS | SONNET | HAIKU | FABLE | MYTHOS | OLD };

static const struct {
    const char *word;
    enum line line;
} lines[] = {
    { "opus", OPUS },   { "sonnet", SONNET }, { "haiku", HAIKU },
    { "fable", FABLE }, { "mythos", MYTHOS }, { "instant", OLD },
};

/* Shorthands of traits that go together. */
enum {
    FREE = CLAUDE_SAMPLING | CLAUDE_PREFILL | CLAUDE_FORCE,
    THINKS = CLAUDE_MANUAL | CLAUDE_CAN_DISABLE,
};

/* The first row that fits. Versions are major * 10 + minor. */
static const struct {
    int lines;
    int to; /* up to and with this version */
    struct claude claude;
} rows[] = {
    { ANY, 29, { FREE, 4096, EFFORT_UNSET } },
    { ANY, 34, { FREE, 4096, EFFORT_UNSET } },
    { ANY, 36, { FREE, 8192, EFFORT_UNSET } },
    { ANY, 39, { FREE | THINKS, 64000, EFFORT_UNSET } },
    { OPUS, 40, { FREE | THINKS, 32000, EFFORT_UNSET } },
    { OPUS, 44, { FREE | THINKS | CLAUDE_ONE_SAMPLING, 32000, EFFORT_UNSET } },
    { ANY, 44, { FREE | THINKS, 64000, EFFORT_UNSET } },
    { OPUS,
      45,
      { FREE | THINKS | CLAUDE_ONE_SAMPLING | CLAUDE_SCHEMA | CLAUDE_EFFORT_BETA, 64000,
        EFFORT_HIGH } },
    { ANY, 45, { FREE | THINKS | CLAUDE_ONE_SAMPLING | CLAUDE_SCHEMA, 64000, EFFORT_UNSET } },
    { OPUS,
      46,
      { THINKS | CLAUDE_ADAPTIVE | CLAUDE_SAMPLING | CLAUDE_ONE_SAMPLING | CLAUDE_SCHEMA |
            CLAUDE_FORCE | CLAUDE_NO_XHIGH,
        128000, EFFORT_MAX } },
    { ANY,
      46,
      { THINKS | CLAUDE_ADAPTIVE | CLAUDE_SAMPLING | CLAUDE_ONE_SAMPLING | CLAUDE_SCHEMA |
            CLAUDE_FORCE | CLAUDE_NO_XHIGH,
        64000, EFFORT_MAX } },
    { ANY,
      47,
      { CLAUDE_ADAPTIVE | CLAUDE_CAN_DISABLE | CLAUDE_SCHEMA | CLAUDE_FORCE, 128000, EFFORT_MAX } },
    { ANY,
      49,
      { CLAUDE_ADAPTIVE | CLAUDE_CAN_DISABLE | CLAUDE_SCHEMA | CLAUDE_FORCE | CLAUDE_SYSTEM_TURN,
        128000, EFFORT_MAX } },
    { OPUS,
      54,
      { CLAUDE_ADAPTIVE | CLAUDE_CAN_DISABLE | CLAUDE_SCHEMA | CLAUDE_FORCE | CLAUDE_SYSTEM_TURN,
        128000, EFFORT_MAX } },
    { FABLE | MYTHOS,
      50,
      { CLAUDE_ADAPTIVE | CLAUDE_SCHEMA | CLAUDE_FORCE | CLAUDE_SYSTEM_TURN, 128000, EFFORT_MAX } },
    { FABLE | MYTHOS,
      99,
      { CLAUDE_ADAPTIVE | CLAUDE_SCHEMA | CLAUDE_SYSTEM_TURN, 128000, EFFORT_MAX } },
    { SONNET | HAIKU,
      54,
      { CLAUDE_ADAPTIVE | CLAUDE_CAN_DISABLE | CLAUDE_SCHEMA | CLAUDE_FORCE, 64000, EFFORT_MAX } },
    { SONNET, 99, { CLAUDE_ADAPTIVE | CLAUDE_BETWEEN | CLAUDE_SCHEMA, 64000, EFFORT_MAX } },
    { HAIKU,
      99,
      { CLAUDE_ADAPTIVE | CLAUDE_BETWEEN | CLAUDE_SCHEMA | CLAUDE_FORCE, 64000, EFFORT_MAX } },
    { ANY, INT32_MAX, { CLAUDE_ADAPTIVE | CLAUDE_SCHEMA, 64000, EFFORT_MAX } },
};

static const struct claude stranger = { FREE | THINKS, 4096, EFFORT_UNSET };

static bool is_sep(char c)
{
    return c == '-' || c == '.' || c == '@' || c == ':' || c == '/' || c == '_';
}

/* The next word between separators; empty at the end. */
static str next_word(str *rest)
{
    while (rest->n && is_sep(rest->p[0]))
        *rest = str_skip(*rest, 1);
    size_t n = 0;
    while (n < rest->n && !is_sep(rest->p[n]))
        n++;
    str word = str_take(*rest, n);
    *rest = str_skip(*rest, n);
    return word;
}

struct claude claude_of(str model)
{
    size_t at = 0;
    while (at < model.n && !str_istarts(str_skip(model, at), S("claude")))
        at++;
    if (at == model.n)
        return stranger;
    str rest = str_skip(model, at + 6);
    enum line line = LINE_NONE;
    int numbers = 0, version = 0;
    for (str w = next_word(&rest); w.n; w = next_word(&rest)) {
        uint64_t v;
        bool small = w.n <= 2 && str_to_u64(w, &v);
        if (!small && numbers == 0 && (w.p[0] == 'v' || w.p[0] == 'V') && w.n == 2)
            small = str_to_u64(str_skip(w, 1), &v); /* "claude-v2:1" */
        if (small && numbers < 2) {
            version = numbers == 0 ? (int)v * 10 : version + (v < 10 ? (int)v : 9);
            numbers++;
        } else if (numbers == 1) {
            numbers = 2; /* a word or a date ends the number: "claude-opus-4-20250514-v1:0" */
        }
        for (size_t i = 0; i < COUNT_OF(lines); i++)
            if (str_ieq(w, str_c(lines[i].word)))
                line = lines[i].line;
    }
    if (line == OLD || (line == LINE_NONE && numbers > 0 && version < 30))
        return rows[0].claude;
    if (line == LINE_NONE || numbers == 0)
        return stranger;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if ((rows[i].lines & (int)line) && version <= rows[i].to)
            return rows[i].claude;
    return stranger;
}
