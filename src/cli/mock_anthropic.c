/* mock_anthropic.c - answers of Anthropic's Messages API.
 */
#include "cli/mock.h"

static const char *stop_reason(const struct mock_say *s)
{
    static const char *const words[] = { "end_turn", "max_tokens", "tool_use", "refusal",
                                         "stop_sequence" };
    return words[s->finish];
}

static str stop_members(const struct mock_say *s, struct arena *a)
{
    return mock_json(a, "'stop_reason':'%s','stop_sequence':%s", stop_reason(s),
                     s->finish == MOCK_STOP_SEQUENCE ? "\"END\"" : "null");
}

/* Anthropic counts what was cached apart. */
static str usage(const struct mock_say *s, int output, struct arena *a)
{
    return mock_json(a,
                     "{'input_tokens':%d,'cache_creation_input_tokens':0,'cache_read_input_tokens':"
                     "%d,'output_tokens':%d,'service_tier':'standard'}",
                     s->prompt - s->cached, s->cached, output);
}

static str join(str all, str one, struct arena *a)
{
    return all.n ? arena_fmt(a, "%.*s,%.*s", STRF(all), STRF(one)) : one;
}

static str call_block(const struct mock_say *s, size_t i, str input, struct arena *a)
{
    return mock_json(a, "{'type':'tool_use','id':%.*s,'name':%.*s,'input':%.*s}",
                     STRF(mock_quote(a, s->calls[i].id)), STRF(mock_quote(a, s->calls[i].name)),
                     STRF(input.n ? input : S("{}")));
}

static str whole(const struct mock_say *s, struct arena *a)
{
    str blocks = { 0 };
    if (s->thinking.n)
        blocks = mock_json(a, "{'type':'thinking','thinking':%.*s,'signature':%.*s}",
                           STRF(mock_quote(a, s->thinking)), STRF(mock_quote(a, s->signature)));
    if (s->text.n)
        blocks = join(blocks,
                      mock_json(a, "{'type':'text','text':%.*s}", STRF(mock_quote(a, s->text))), a);
    for (size_t i = 0; i < s->ncalls; i++)
        blocks = join(blocks, call_block(s, i, s->calls[i].args, a), a);
    return mock_json(a,
                     "{'id':'msg_mock1','type':'message','role':'assistant','model':%.*s,'content':"
                     "[%.*s],%.*s,'usage':%.*s}",
                     STRF(mock_quote(a, s->model)), STRF(blocks), STRF(stop_members(s, a)),
                     STRF(usage(s, s->completion, a)));
}

/* rest: members behind the type, with a leading comma. */
static void event(struct mock_frames *f, const char *type, str rest)
{
    mock_sse(f, str_c(type), mock_json(f->a, "{'type':'%s'%.*s}", type, STRF(rest)));
}

static void start_block(struct mock_frames *f, unsigned index, str block)
{
    event(f, "content_block_start",
          mock_json(f->a, ",'index':%u,'content_block':%.*s", index, STRF(block)));
}

static void delta(struct mock_frames *f, unsigned index, const char *type, const char *key,
                  str text)
{
    event(f, "content_block_delta",
          mock_json(f->a, ",'index':%u,'delta':{'type':'%s','%s':%.*s}", index, type, key,
                    STRF(mock_quote(f->a, text))));
}

static void stop_block(struct mock_frames *f, unsigned index)
{
    event(f, "content_block_stop", mock_json(f->a, ",'index':%u", index));
}

static unsigned stream_texts(const struct mock_say *s, struct mock_frames *f)
{
    unsigned index = 0;
    if (s->thinking.n) {
        start_block(f, index, mock_json(f->a, "{'type':'thinking','thinking':'','signature':''}"));
        for (uint32_t i = 0; i < 3; i++)
            delta(f, index, "thinking_delta", "thinking", mock_piece(s->thinking, i, 3));
        delta(f, index, "signature_delta", "signature", s->signature);
        stop_block(f, index++);
    }
    if (s->text.n) {
        start_block(f, index, mock_json(f->a, "{'type':'text','text':''}"));
        for (uint32_t i = 0; i < s->chunks; i++)
            if (mock_piece(s->text, i, s->chunks).n)
                delta(f, index, "text_delta", "text", mock_piece(s->text, i, s->chunks));
        stop_block(f, index++);
    }
    return index;
}

static void stream(const struct mock_say *s, struct mock_frames *f)
{
    enum { PIECES = 3 };
    event(f, "message_start",
          mock_json(f->a,
                    ",'message':{'id':'msg_mock1','type':'message','role':'assistant','model':%.*s,"
                    "'content':[],'stop_reason':null,'stop_sequence':null,'usage':%.*s}",
                    STRF(mock_quote(f->a, s->model)), STRF(usage(s, 1, f->a))));
    event(f, "ping", S(""));
    unsigned index = stream_texts(s, f);
    for (size_t i = 0; i < s->ncalls; i++) {
        start_block(f, index, call_block(s, i, S(""), f->a));
        delta(f, index, "input_json_delta", "partial_json", S(""));
        for (uint32_t k = 0; k < PIECES && s->calls[i].args.n > 2; k++)
            delta(f, index, "input_json_delta", "partial_json",
                  mock_piece(s->calls[i].args, k, PIECES));
        stop_block(f, index++);
    }
    event(f, "message_delta",
          mock_json(f->a, ",'delta':{%.*s},'usage':{'output_tokens':%d}",
                    STRF(stop_members(s, f->a)), s->completion));
    event(f, "message_stop", S(""));
}

static str error_json(unsigned status, str message, struct arena *a)
{
    const char *type = status == 401   ? "authentication_error"
                       : status == 403 ? "permission_error"
                       : status == 404 ? "not_found_error"
                       : status == 413 ? "request_too_large"
                       : status == 429 ? "rate_limit_error"
                       : status == 529 ? "overloaded_error"
                       : status >= 500 ? "api_error"
                                       : "invalid_request_error";
    return mock_json(
        a, "{'type':'error','error':{'type':'%s','message':%.*s},'request_id':'req_mock1'}", type,
        STRF(mock_quote(a, message)));
}

static void stream_error(str message, struct mock_frames *f)
{
    mock_sse(f, S("error"),
             mock_json(f->a, "{'type':'error','error':{'type':'overloaded_error','message':%.*s}}",
                       STRF(mock_quote(f->a, message))));
}

const struct mock_voice mock_anthropic = { S("text/event-stream"), whole, stream, error_json,
                                           stream_error };
