/* mock_cohere.c - answers of Cohere's v2 chat.
 */
#include "cli/mock.h"

static const char *finish_reason(const struct mock_say *s)
{
    static const char *const words[] = { "COMPLETE", "MAX_TOKENS", "TOOL_CALL", "ERROR_TOXIC",
                                         "STOP_SEQUENCE" };
    return words[s->finish];
}

static str usage(const struct mock_say *s, struct arena *a)
{
    return mock_json(a,
                     "{'billed_units':{'input_tokens':5,'output_tokens':%d},'tokens':{"
                     "'input_tokens':%d,'output_tokens':%d},'cached_tokens':%d}",
                     s->completion, s->prompt, s->completion, s->cached);
}

static str join(str all, str one, struct arena *a)
{
    return all.n ? arena_fmt(a, "%.*s,%.*s", STRF(all), STRF(one)) : one;
}

static str call(const struct mock_say *s, size_t i, str args, struct arena *a)
{
    return mock_json(a, "{'id':%.*s,'type':'function','function':{'name':%.*s,'arguments':%.*s}}",
                     STRF(mock_quote(a, s->calls[i].id)), STRF(mock_quote(a, s->calls[i].name)),
                     STRF(mock_quote(a, args)));
}

/* Text in front of calls is their plan. */
static str whole(const struct mock_say *s, struct arena *a)
{
    str content = { 0 }, calls = { 0 }, members = { 0 };
    if (s->thinking.n)
        content =
            mock_json(a, "{'type':'thinking','thinking':%.*s}", STRF(mock_quote(a, s->thinking)));
    if (s->text.n && !s->ncalls)
        content = join(
            content, mock_json(a, "{'type':'text','text':%.*s}", STRF(mock_quote(a, s->text))), a);
    for (size_t i = 0; i < s->ncalls; i++)
        calls = join(calls, call(s, i, s->calls[i].args, a), a);
    if (content.n)
        members = mock_json(a, ",'content':[%.*s]", STRF(content));
    if (s->ncalls)
        members = mock_json(a, "%.*s,'tool_plan':%.*s,'tool_calls':[%.*s]", STRF(members),
                            STRF(mock_quote(a, s->text)), STRF(calls));
    return mock_json(
        a,
        "{'id':'c0ffee00-mock','message':{'role':'assistant'%.*s},'finish_reason':'%s',"
        "'usage':%.*s}",
        STRF(members), finish_reason(s), STRF(usage(s, a)));
}

static void event(struct mock_frames *f, const char *type, str rest)
{
    mock_sse(f, str_c(type), mock_json(f->a, "{'type':'%s'%.*s}", type, STRF(rest)));
}

static void stream_block(struct mock_frames *f, unsigned index, const char *kind, str text,
                         uint32_t pieces)
{
    event(f, "content-start",
          mock_json(f->a, ",'index':%u,'delta':{'message':{'content':{'type':'%s','%s':''}}}",
                    index, kind, kind));
    for (uint32_t i = 0; i < pieces; i++)
        if (mock_piece(text, i, pieces).n)
            event(f, "content-delta",
                  mock_json(f->a, ",'index':%u,'delta':{'message':{'content':{'%s':%.*s}}}", index,
                            kind, STRF(mock_quote(f->a, mock_piece(text, i, pieces)))));
    event(f, "content-end", mock_json(f->a, ",'index':%u", index));
}

static void stream_call(const struct mock_say *s, struct mock_frames *f, size_t i)
{
    enum { PIECES = 3 };
    event(f, "tool-call-start",
          mock_json(f->a, ",'index':%zu,'delta':{'message':{'tool_calls':%.*s}}", i,
                    STRF(call(s, i, S(""), f->a))));
    for (uint32_t k = 0; k < PIECES; k++)
        event(
            f, "tool-call-delta",
            mock_json(f->a,
                      ",'index':%zu,'delta':{'message':{'tool_calls':{'function':{'arguments':%.*s"
                      "}}}}",
                      i, STRF(mock_quote(f->a, mock_piece(s->calls[i].args, k, PIECES)))));
    event(f, "tool-call-end", mock_json(f->a, ",'index':%zu", i));
}

static void stream(const struct mock_say *s, struct mock_frames *f)
{
    unsigned index = 0;
    mock_sse(f, S("message-start"),
             mock_json(f->a, "{'id':'c0ffee00-mock','type':'message-start','delta':{'message':{"
                             "'role':'assistant','content':[],'tool_plan':'','tool_calls':[],"
                             "'citations':[]}}}"));
    if (s->thinking.n)
        stream_block(f, index++, "thinking", s->thinking, 3);
    for (uint32_t i = 0; s->ncalls && i < 3; i++)
        if (mock_piece(s->text, i, 3).n)
            event(f, "tool-plan-delta",
                  mock_json(f->a, ",'delta':{'message':{'tool_plan':%.*s}}",
                            STRF(mock_quote(f->a, mock_piece(s->text, i, 3)))));
    if (s->text.n && !s->ncalls)
        stream_block(f, index, "text", s->text, s->chunks);
    for (size_t i = 0; i < s->ncalls; i++)
        stream_call(s, f, i);
    event(f, "message-end",
          mock_json(f->a, ",'delta':{'finish_reason':'%s','usage':%.*s}", finish_reason(s),
                    STRF(usage(s, f->a))));
    mock_frame(f, S("data: [DONE]\n\n"));
}

static str error_json(unsigned status, str message, struct arena *a)
{
    return mock_json(a, "{'id':'c0ffee00-mock','message':%.*s}", STRF(mock_quote(a, message)));
}

static void stream_error(str message, struct mock_frames *f)
{
    event(f, "message-end",
          mock_json(f->a, ",'delta':{'finish_reason':'ERROR','error':%.*s}",
                    STRF(mock_quote(f->a, message))));
    mock_frame(f, S("data: [DONE]\n\n"));
}

const struct mock_voice mock_cohere = { S("text/event-stream"), whole, stream, error_json,
                                        stream_error };
