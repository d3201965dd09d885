#include "chat/tokens.h"

/* ---- requests ------------------------------------------------------------------------------- */

static int64_t tokens_of_parts(const struct chat_part *parts);

static int64_t tokens_of_media(const struct chat_media *m, enum part_kind kind)
{
    if (m->text.n)
        return token_estimate(m->text);
    if (kind == PART_IMAGE)
        return TOKENS_PER_IMAGE;
    /* documents and sound: by their size, since nothing here looks into them */
    return TOKENS_PER_IMAGE + (int64_t)(m->data.n / 1024) * TOKENS_PER_PAGE_KB;
}

static int64_t tokens_of_part(const struct chat_part *p)
{
    switch (p->kind) {
    case PART_IMAGE:
    case PART_AUDIO:
    case PART_VIDEO:
    case PART_FILE:
        return tokens_of_media(&p->media, p->kind);
    case PART_TOOL_CALL:
        return 8 + token_estimate(p->call.name) + token_estimate(p->call.args);
    case PART_TOOL_RESULT:
        return 8 + tokens_of_parts(p->result.content);
    case PART_OPAQUE:
        return token_estimate(p->raw);
    case PART_REDACTED:
        return 0;
    default:
        return token_estimate(p->text);
    }
}

/* Results hold texts and media, no further results: the nesting is two deep at most. */
static int64_t tokens_of_parts(const struct chat_part *parts)
{
    int64_t n = 0;
    for (; parts; parts = parts->next)
        n += parts->kind == PART_TOOL_RESULT && !parts->result.content ? 8 : tokens_of_part(parts);
    return n;
}

int64_t tokens_of_request(const struct chat_req *r)
{
    int64_t n = 3; /* the answer's beginning */
    for (const struct chat_message *m = r->messages; m; m = m->next)
        n += 4 + token_estimate(m->name) + tokens_of_parts(m->parts);
    for (const struct chat_tool *t = r->tools; t; t = t->next)
        n += t->kind == TOOL_FUNCTION
                 ? 8 + token_estimate(t->name) + token_estimate(t->description) +
                       token_estimate(t->schema)
                 : token_estimate(t->raw);
    return n + token_estimate(r->schema);
}
