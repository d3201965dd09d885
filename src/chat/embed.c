#include "chat/embed.h"

#include <math.h>
#include <stdlib.h>

#include "base/base64.h"

static const struct {
    const char *words[4];
} tasks[EMBED_TASK_COUNT] = {
    [EMBED_TASK_DOCUMENT] = { { "search_document", "RETRIEVAL_DOCUMENT", "document",
                                "retrieval.passage" } },
    [EMBED_TASK_QUERY] = { { "search_query", "RETRIEVAL_QUERY", "query", "retrieval.query" } },
    [EMBED_TASK_CLASSIFICATION] = { { "classification", "CLASSIFICATION", "", "classification" } },
    [EMBED_TASK_CLUSTERING] = { { "clustering", "CLUSTERING", "", "separation" } },
    [EMBED_TASK_SIMILARITY] = { { "clustering", "SEMANTIC_SIMILARITY", "", "text-matching" } },
    [EMBED_TASK_QUESTION] = { { "search_query", "QUESTION_ANSWERING", "query",
                                "retrieval.query" } },
    [EMBED_TASK_FACT] = { { "search_query", "FACT_VERIFICATION", "query", "retrieval.query" } },
    [EMBED_TASK_CODE] = { { "search_query", "CODE_RETRIEVAL_QUERY", "query", "code.query" } },
};

enum embed_task embed_task_of(str word)
{
    if (str_eq(word, S("passage"))) /* NVIDIA's, Jina's older one */
        return EMBED_TASK_DOCUMENT;
    for (unsigned t = 1; t < EMBED_TASK_COUNT && word.n; t++)
        for (size_t i = 0; i < COUNT_OF(tasks[t].words); i++)
            if (str_ieq(word, str_c(tasks[t].words[i])))
                return (enum embed_task)t;
    return EMBED_TASK_UNSET;
}

str embed_task_word(enum embed_task task, enum embed_words whose)
{
    return str_c(tasks[task].words[whose]);
}

/* ---- vectors -------------------------------------------------------------------------------- */

static size_t skip_blanks(str s, size_t at)
{
    while (at < s.n && (s.p[at] == ' ' || s.p[at] == '\n' || s.p[at] == '\t' || s.p[at] == '\r'))
        at++;
    return at;
}

/* One number at s[*at]; the str of valid JSON text has a terminator behind every number. */
static bool take_float(str s, size_t *at, float *ret)
{
    char text[64];
    double v;
    size_t end = *at;
    while (end < s.n && s.p[end] != ',' && s.p[end] != ']' && (unsigned char)s.p[end] > ' ')
        end++;
    if (end - *at >= sizeof(text) || !str_to_double((str){ s.p + *at, end - *at }, &v))
        return false;
    *at = end;
    *ret = (float)v;
    return isfinite(*ret);
}

static void put_le(unsigned char *p, float f)
{
    uint32_t bits;
    memcpy(&bits, &f, 4);
    for (unsigned i = 0; i < 4; i++)
        p[i] = (unsigned char)(bits >> (8 * i));
}

/* Base64 takes three bytes at a time: whole groups of three floats go out as they come. */
bool embed_add_base64(struct buf *out, str floats)
{
    unsigned char group[12];
    size_t held = 0, before = out->n;
    size_t at = skip_blanks(floats, 0);
    if (at >= floats.n || floats.p[at] != '[')
        return false;
    at = skip_blanks(floats, at + 1);
    bool more = at < floats.n && floats.p[at] != ']';
    while (more) {
        float f;
        if (!take_float(floats, &at, &f)) {
            out->n = before;
            return false;
        }
        put_le(group + held, f);
        held += 4;
        if (held == sizeof(group)) {
            base64_add(out, (str){ (char *)group, held });
            held = 0;
        }
        at = skip_blanks(floats, at);
        more = at < floats.n && floats.p[at] == ',';
        if (more)
            at = skip_blanks(floats, at + 1);
    }
    base64_add(out, (str){ (char *)group, held });
    if (at < floats.n && floats.p[at] == ']')
        return true;
    out->n = before;
    return false;
}

/* Nine digits name every float32, six to eight often do. */
static void add_float(struct buf *out, float f)
{
    char text[32];
    int n = 0;
    for (int digits = 6; digits <= 9; digits++) {
        n = snprintf(text, sizeof(text), "%.*g", digits, (double)f);
        if (strtof(text, NULL) == f)
            break;
    }
    buf_add(out, (str){ text, (size_t)n });
}

bool embed_add_floats(struct buf *out, str base64)
{
    struct buf bytes;
    size_t before = out->n;
    buf_init(&bytes, base64.n + 4);
    bool ok = base64_decode(&bytes, base64) && bytes.n % 4 == 0;
    buf_chr(out, '[');
    for (size_t i = 0; ok && i < bytes.n; i += 4) {
        uint32_t bits = 0;
        float f;
        for (unsigned k = 0; k < 4; k++)
            bits |= (uint32_t)(unsigned char)bytes.p[i + k] << (8 * k);
        memcpy(&f, &bits, 4);
        ok = isfinite(f);
        if (i)
            buf_chr(out, ',');
        if (ok)
            add_float(out, f);
    }
    buf_chr(out, ']');
    buf_done(&bytes);
    if (!ok)
        out->n = before;
    return ok;
}
