/* gemini_write.c - the request to a Gemini upstream as a whole; its larger members are written in
 * gemini_contents.c, gemini_tools.c and gemini_config.c. */
#include "chat/defaults.h"
#include "dialect/gemini_write.h"

jval *gemini_parse(struct writer *p, str json)
{
    jval *v;
    return json.n && jd_read(&v, json, p->arena, NULL).code == OK ? v : NULL;
}

/* Gemini members that clients of other dialects may give, in either spelling. */
static void write_extras(struct writer *p)
{
    static const char *const passed[] = { "safetySettings", "cachedContent", "labels" };
    char room[GEMINI_NAME_MAX];
    for (const struct chat_extra *x = p->req->extras; x; x = x->next) {
        str name = gemini_camel(x->name, room);
        bool pass =
            gemini_own(p) && !str_eq(name, S("generationConfig")) && !str_eq(name, S("toolConfig"));
        for (size_t i = 0; i < COUNT_OF(passed); i++)
            pass = pass || str_eq(name, str_c(passed[i]));
        if (gemini_overridden(p, name))
            continue;
        if (pass)
            jw_kraw(&p->w, name, x->value);
        else if (!gemini_own(p) && !str_eq(x->name, S("audio")) &&
                 !str_eq(x->name, S("web_search_options")))
            chat_note_loss(p->loss, x->name);
    }
}

static void write_tier(struct writer *p)
{
    str tier = p->req->service_tier;
    static const char *const known[] = { "flex", "priority", "standard" };
    if (gemini_overridden(p, S("serviceTier")))
        return;
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (str_ieq(tier, str_c(known[i])) || (gemini_own(p) && tier.n && i == 0)) {
            jw_kstr(&p->w, S("serviceTier"), tier);
            return;
        }
}

/* What Gemini has no place for. */
static rc drop_rest(struct writer *p)
{
    const struct chat_req *r = p->req;
    const struct {
        bool given;
        str name;
    } lost[] = { { r->logit_bias.n > 0, S("logit_bias") },
                 { r->min_p.n > 0, S("min_p") },
                 { r->repeat_penalty.n > 0, S("repetition_penalty") } };
    for (size_t i = 0; i < COUNT_OF(lost); i++)
        if (lost[i].given)
            TRY(chat_drop(p->loss, p->target->drop_params, lost[i].name, S("Gemini"), p->err));
    if (r->parallel_calls == TRI_FALSE)
        chat_note_loss(p->loss, S("parallel_tool_calls"));
    if (r->verbosity.n)
        chat_note_loss(p->loss, S("verbosity"));
    if (p->req->user.n)
        chat_note_loss(p->loss, S("user"));
    return RC_OK;
}

static void write_extra_body(struct writer *p)
{
    for (const struct chat_extra *x = p->target->extra_body; x; x = x->next)
        if (!str_eq(x->name, S("generationConfig")))
            jw_kraw(&p->w, x->name, x->value);
}

rc gemini_write_chat(struct buf *out, const struct chat_req *r, const struct chat_target *t,
                     struct chat_loss *loss, struct arena *a, struct err *e)
{
    struct chat_req req = *r;
    chat_apply_defaults(&req, t->defaults, a);
    struct writer p = { .req = &req,
                        .target = t,
                        .loss = loss,
                        .arena = a,
                        .err = e,
                        .model = gemini_model_of(t->model) };
    p.pending_tail = &p.pending;
    TRY(drop_rest(&p));
    jw_init(&p.w, out);
    jw_obj(&p.w);
    if (!gemini_overridden(&p, S("contents")))
        TRY(gemini_write_contents(&p));
    if (!gemini_overridden(&p, S("systemInstruction")))
        gemini_write_system(&p);
    TRY(gemini_write_tools(&p));
    TRY(gemini_write_config(&p));
    write_tier(&p);
    write_extras(&p);
    write_extra_body(&p);
    jw_obj_end(&p.w);
    return RC_OK;
}
