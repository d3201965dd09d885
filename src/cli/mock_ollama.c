/* mock_ollama.c - answers of Ollama's /api/chat and /api/generate.
 */
#include "cli/mock.h"

#define AT "'created_at':'2026-11-23T10:00:00.123456789Z'"

static str tail(const struct mock_say *s, struct arena *a)
{
    return mock_json(a,
                     "'done':true,'done_reason':'%s','total_duration':5000000,'load_duration':1000,"
                     "'prompt_eval_count':%d,'prompt_eval_duration':1000000,'eval_count':%d,"
                     "'eval_duration':4000000",
                     s->finish == MOCK_LENGTH ? "length" : "stop", s->prompt, s->completion);
}

static str calls(const struct mock_say *s, struct arena *a)
{
    str all = { 0 };
    for (size_t i = 0; i < s->ncalls; i++)
        all =
            mock_json(a, "%.*s%s{'id':%.*s,'function':{'index':%zu,'name':%.*s,'arguments':%.*s}}",
                      STRF(all), i ? "," : "", STRF(mock_quote(a, s->calls[i].id)), i,
                      STRF(mock_quote(a, s->calls[i].name)),
                      STRF(s->calls[i].args.n ? s->calls[i].args : S("{}")));
    return mock_json(a, ",'tool_calls':[%.*s]", STRF(all));
}

/* more: members behind the text, with a leading comma. */
static str line(const struct mock_say *s, bool generate, str text, str more, str end,
                struct arena *a)
{
    str quoted = mock_quote(a, text);
    if (generate)
        return mock_json(a, "{'model':%.*s," AT ",'response':%.*s%.*s,%.*s}",
                         STRF(mock_quote(a, s->model)), STRF(quoted), STRF(more), STRF(end));
    return mock_json(a,
                     "{'model':%.*s," AT ",'message':{'role':'assistant','content':%.*s%.*s},%.*s}",
                     STRF(mock_quote(a, s->model)), STRF(quoted), STRF(more), STRF(end));
}

static str thinking(str text, struct arena *a)
{
    return mock_json(a, ",'thinking':%.*s", STRF(mock_quote(a, text)));
}

static str whole_of(const struct mock_say *s, bool generate, struct arena *a)
{
    str more = s->thinking.n ? thinking(s->thinking, a) : S("");
    if (s->ncalls)
        more = arena_fmt(a, "%.*s%.*s", STRF(more), STRF(calls(s, a)));
    return line(s, generate, s->text, more, tail(s, a), a);
}

static void frame(struct mock_frames *f, str json)
{
    mock_frame(f, arena_fmt(f->a, "%.*s\n", STRF(json)));
}

static void stream_of(const struct mock_say *s, bool generate, struct mock_frames *f)
{
    str going_on = mock_json(f->a, "'done':false");
    for (uint32_t i = 0; s->thinking.n && i < 3; i++)
        frame(f, line(s, generate, S(""), thinking(mock_piece(s->thinking, i, 3), f->a), going_on,
                      f->a));
    for (uint32_t i = 0; i < s->chunks; i++)
        if (mock_piece(s->text, i, s->chunks).n)
            frame(f, line(s, generate, mock_piece(s->text, i, s->chunks), S(""), going_on, f->a));
    if (s->ncalls)
        frame(f, line(s, generate, S(""), calls(s, f->a), going_on, f->a));
    frame(f, line(s, generate, S(""), S(""), tail(s, f->a), f->a));
}

static str whole(const struct mock_say *s, struct arena *a)
{
    return whole_of(s, false, a);
}

static void stream(const struct mock_say *s, struct mock_frames *f)
{
    stream_of(s, false, f);
}

static str generate_whole(const struct mock_say *s, struct arena *a)
{
    return whole_of(s, true, a);
}

static void generate_stream(const struct mock_say *s, struct mock_frames *f)
{
    stream_of(s, true, f);
}

static str error_json(unsigned status, str message, struct arena *a)
{
    return mock_json(a, "{'error':%.*s}", STRF(mock_quote(a, message)));
}

static void stream_error(str message, struct mock_frames *f)
{
    frame(f, error_json(500, message, f->a));
}

const struct mock_voice mock_ollama = { S("application/x-ndjson"), whole, stream, error_json,
                                        stream_error };
const struct mock_voice mock_generate = { S("application/x-ndjson"), generate_whole,
                                          generate_stream, error_json, stream_error };
