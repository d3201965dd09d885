#include "chat/tokens.h"

#include "chat/image_size.h"

enum { FUNCTIONS_BYTES_MAX = 64 * 1024 * 1024 };

static int64_t tiles(uint32_t pixels)
{
    return (pixels + 511) / 512;
}

/* Fitted into 2048 x 2048, then to a shorter side of 768; 170 for each square of 512. */
int64_t tokens_of_tiles(uint32_t width, uint32_t height)
{
    double w = width, h = height, most = w > h ? w : h;
    if (most > 2048) {
        w = w * 2048 / most;
        h = h * 2048 / most;
    }
    double least = w < h ? w : h;
    if (least > 768) {
        w = w * 768 / least;
        h = h * 768 / least;
    }
    return TOKENS_PER_SMALL_IMAGE + 170 * tiles((uint32_t)w) * tiles((uint32_t)h);
}

static int64_t tokens_of_image(const struct chat_media *m)
{
    uint32_t width, height;
    if (str_eq(m->detail, S("low")))
        return TOKENS_PER_SMALL_IMAGE;
    if (image_size(m->data, &width, &height))
        return tokens_of_tiles(width, height);
    return TOKENS_PER_IMAGE;
}

static void add_media(struct token_counter *k, const struct chat_media *m, enum part_kind kind)
{
    token_counter_add(k, m->text);
    if (m->text.n)
        return;
    /* documents and sound: by their size, since nothing here looks into them */
    k->tokens += kind == PART_IMAGE
                     ? tokens_of_image(m)
                     : TOKENS_PER_IMAGE + (int64_t)(m->data.n / 1024) * TOKENS_PER_PAGE_KB;
    k->exact = false; /* models differ in what they make of a picture */
}

/* What is not a result. */
static void add_part(struct token_counter *k, const struct chat_part *p)
{
    switch (p->kind) {
    case PART_IMAGE:
    case PART_AUDIO:
    case PART_VIDEO:
    case PART_FILE:
        add_media(k, &p->media, p->kind);
        break;
    case PART_TOOL_CALL:
        token_counter_add(k, p->call.args);
        break;
    case PART_OPAQUE:
        token_counter_add(k, p->raw);
        k->exact = false;
        break;
    case PART_REDACTED:
        k->exact = false;
        break;
    default:
        token_counter_add(k, p->text);
        break;
    }
}

static void add_parts(struct token_counter *k, const struct chat_part *parts)
{
    for (; parts; parts = parts->next)
        if (parts->kind != PART_TOOL_RESULT)
            add_part(k, parts);
}

/* OpenAI's tool messages are one a result, with its id. */
static void add_results(struct token_counter *k, const struct chat_part *parts, bool with_ids)
{
    for (; parts; parts = parts->next) {
        if (parts->kind != PART_TOOL_RESULT)
            continue;
        add_parts(k, parts->result.content);
        if (with_ids) {
            k->tokens += 3;
            token_counter_add(k, S("tool"));
            token_counter_add(k, parts->result.id);
        }
    }
}

static str role_name(enum chat_role r)
{
    static const char *const names[] = { [ROLE_SYSTEM] = "system",
                                         [ROLE_DEVELOPER] = "developer",
                                         [ROLE_USER] = "user",
                                         [ROLE_ASSISTANT] = "assistant",
                                         [ROLE_TOOL] = "user" };
    return str_c(names[r]);
}

static void add_message(struct token_counter *k, const struct chat_message *m, bool openai)
{
    bool results_only = openai && m->role == ROLE_TOOL;
    if (!results_only) {
        k->tokens += 3;
        token_counter_add(k, role_name(m->role));
    }
    if (m->name.n) {
        k->tokens += 1;
        token_counter_add(k, m->name);
    }
    add_parts(k, m->parts);
    add_results(k, m->parts, results_only);
}

static void add_tools(struct token_counter *k, const struct chat_req *r, bool has_system,
                      struct arena *a)
{
    struct buf text;
    bool functions = false;
    for (const struct chat_tool *t = r->tools; t; t = t->next) {
        functions |= t->kind == TOOL_FUNCTION;
        if (t->kind != TOOL_FUNCTION) {
            token_counter_add(k, t->raw);
            k->exact = false;
        }
    }
    if (functions) {
        buf_init(&text, FUNCTIONS_BYTES_MAX);
        tokens_write_functions(&text, r->tools, a);
        token_counter_add(k, buf_str(&text));
        k->tokens += has_system ? 5 : 9;
        buf_done(&text);
    }
    if (r->choice == CHOICE_NONE)
        k->tokens += 1;
    if (r->choice == CHOICE_NAMED) {
        k->tokens += 7;
        token_counter_add(k, r->choice_name);
    }
}

void tokens_of_request(struct token_counter *k, const struct chat_req *r, struct arena *a)
{
    bool openai = r->origin == DIALECT_OPENAI_CHAT || r->origin == DIALECT_OPENAI_RESPONSES;
    bool has_system = false;
    k->tokens += 3; /* the answer's beginning */
    for (const struct chat_message *m = r->messages; m; m = m->next) {
        has_system |= m->role == ROLE_SYSTEM;
        add_message(k, m, openai);
    }
    add_tools(k, r, has_system, a);
    token_counter_add(k, r->schema);
}

void tokens_of_answer(struct token_counter *k, const struct chat_part *parts)
{
    for (const struct chat_part *p = parts; p; p = p->next)
        if (p->kind == PART_TOOL_CALL)
            token_counter_add(k, p->call.name);
    add_parts(k, parts);
}
