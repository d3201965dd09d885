/* What each generation of Gemini takes, told from the model's name.
 *
 * Sources: Google's model and thinking pages of autumn 2026; the rows for 3 and 3.1 from public
 * notes. A name without a version ("gemini-flash-latest") means the newest generation, as does a
 * version that is newer than the table.
 */
#include "dialect/gemini_internal.h"

enum line { ANY, PRO, FLASH, LITE };
enum {
    LMH = LEVEL_LOW | LEVEL_MEDIUM | LEVEL_HIGH,
    MINIMAL_UP = LEVEL_MINIMAL | LMH,
};

/* The first row that fits counts. */
static const struct row {
    uint8_t major, minor; /* from this version on */
    enum line line;
    bool off;
    uint8_t levels;
    enum gemini_thinking thinking;
    int32_t min, max;
} rows[] = {
    { 4, 0, ANY, false, LMH, GEMINI_LEVEL, 128, 32768 },
    { 3, 7, LITE, false, MINIMAL_UP, GEMINI_LEVEL, 128, 32768 },
    { 3, 7, ANY, false, LMH, GEMINI_LEVEL, 128, 32768 },
    { 3, 1, PRO, false, LMH, GEMINI_LEVEL, 128, 32768 },
    { 3, 0, PRO, false, LEVEL_LOW | LEVEL_HIGH, GEMINI_LEVEL, 128, 32768 },
    { 3, 0, ANY, false, MINIMAL_UP, GEMINI_LEVEL, 128, 32768 },
    { 2, 5, PRO, false, 0, GEMINI_BUDGET, 128, 32768 },
    { 2, 5, LITE, true, 0, GEMINI_BUDGET, 512, 24576 },
    { 2, 5, ANY, true, 0, GEMINI_BUDGET, 1, 24576 },
    { 0, 0, ANY, false, 0, GEMINI_NO_THINKING, 0, 0 },
};

static unsigned number(str *s)
{
    unsigned v = 0;
    while (s->n && s->p[0] >= '0' && s->p[0] <= '9') {
        v = v * 10 + (unsigned)(s->p[0] - '0');
        *s = str_skip(*s, 1);
        if (v > 99)
            return 99;
    }
    return v;
}

/* The version behind "gemini-": digits, a dot, digits. */
static void read_version(struct gemini_model *m, str rest)
{
    str s = rest;
    m->major = (uint8_t)number(&s);
    if (s.n == rest.n) { /* gemini-flash-latest, gemini-pro */
        bool newest = str_contains(rest, S("latest"));
        m->major = newest ? 3 : 1;
        m->minor = newest ? 6 : 0;
        if (str_starts(rest, S("exp")))
            m->major = 2;
        return;
    }
    if (str_starts(s, S("."))) {
        s = str_skip(s, 1);
        m->minor = (uint8_t)number(&s);
    }
}

struct gemini_model gemini_model_of(str name)
{
    struct gemini_model m = { .system = true };
    size_t slash = str_rindex(name, '/');
    if (slash < name.n)
        name = str_skip(name, slash + 1);
    m.system = !str_starts(name, S("gemma"));
    if (!str_starts(name, S("gemini-")))
        return m;
    read_version(&m, str_skip(name, 7));
    enum line line = str_contains(name, S("lite"))    ? LITE
                     : str_contains(name, S("flash")) ? FLASH
                     : str_contains(name, S("pro"))   ? PRO
                                                      : ANY;
    const struct row *r = rows;
    while (!gemini_at_least(&m, r->major, r->minor) || (r->line != ANY && r->line != line))
        r++;
    m.thinking = r->thinking;
    /* Image and speech models of the budget families do not think. */
    if (r->thinking == GEMINI_BUDGET &&
        (str_contains(name, S("image")) || str_contains(name, S("tts"))))
        m.thinking = GEMINI_NO_THINKING;
    m.levels = r->levels;
    m.thinking_off = r->off;
    m.budget_min = r->min;
    m.budget_max = r->max;
    return m;
}

/* ---- names in either spelling --------------------------------------------------------------- */

jval *gemini_get(jval *obj, str camel)
{
    jval *v = jd_get(obj, camel);
    if (v || !jd_is_obj(obj))
        return v;
    char snake[GEMINI_NAME_MAX];
    size_t n = 0;
    for (size_t i = 0; i < camel.n; i++) {
        bool upper = camel.p[i] >= 'A' && camel.p[i] <= 'Z';
        if (n + 2 > sizeof(snake))
            return NULL;
        if (upper)
            snake[n++] = '_';
        snake[n++] = (char)(upper ? camel.p[i] | 0x20 : camel.p[i]);
    }
    return n == camel.n ? NULL : jd_get(obj, (str){ snake, n });
}

str gemini_camel(str name, char buf[GEMINI_NAME_MAX])
{
    if (str_index(name, '_') == name.n || name.n > GEMINI_NAME_MAX)
        return name;
    size_t n = 0;
    for (size_t i = 0; i < name.n; i++) {
        bool raise =
            name.p[i] == '_' && i + 1 < name.n && name.p[i + 1] >= 'a' && name.p[i + 1] <= 'z';
        buf[n++] = raise ? (char)(name.p[++i] & ~0x20) : name.p[i];
    }
    return (str){ buf, n };
}

int64_t gemini_i64(jval *v, int64_t otherwise)
{
    int64_t n;
    if (!v)
        return otherwise;
    if (jd_i64(v, &n))
        return n;
    str s = jd_str(v);
    bool minus = str_starts(s, S("-"));
    uint64_t u;
    if (!str_to_u64(minus ? str_skip(s, 1) : s, &u) || u > INT64_MAX)
        return otherwise;
    return minus ? -(int64_t)u : (int64_t)u;
}
