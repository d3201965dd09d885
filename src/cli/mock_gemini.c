/* mock_gemini.c - answers of Gemini's generateContent and streamGenerateContent.
 */
#include "cli/mock.h"

static const char *finish_reason(const struct mock_say *s)
{
    static const char *const words[] = { "STOP", "MAX_TOKENS", "STOP", "SAFETY", "STOP" };
    return words[s->finish];
}

static str usage(const struct mock_say *s, struct arena *a)
{
    return mock_json(a,
                     "{'promptTokenCount':%d,'candidatesTokenCount':%d,'totalTokenCount':%d,"
                     "'cachedContentTokenCount':%d,'thoughtsTokenCount':%d,'promptTokensDetails':[{"
                     "'modality':'TEXT','tokenCount':%d}]}",
                     s->prompt, s->completion - s->reasoning, s->prompt + s->completion, s->cached,
                     s->reasoning, s->prompt);
}

/* parts: JSON, possibly empty; finish: NULL in the middle of a stream. */
static str chunk(const struct mock_say *s, str parts, const char *finish, struct arena *a)
{
    str content =
        parts.n ? mock_json(a, "'content':{'parts':[%.*s],'role':'model'},", STRF(parts)) : S("");
    str reason = finish ? mock_json(a, "'finishReason':'%s',", finish) : S("");
    return mock_json(a,
                     "{'candidates':[{%.*s%.*s'index':0}],'usageMetadata':%.*s,'modelVersion':%.*s,"
                     "'responseId':'mock1'}",
                     STRF(content), STRF(reason), STRF(usage(s, a)), STRF(mock_quote(a, s->model)));
}

static str text_part(str text, bool thought, struct arena *a)
{
    return mock_json(a, "{'text':%.*s%s}", STRF(mock_quote(a, text)),
                     thought ? ",\"thought\":true" : "");
}

/* Gemini signs the first call of several. */
static str call_part(const struct mock_say *s, size_t i, struct arena *a)
{
    str sig = s->signature.n && i == 0
                  ? mock_json(a, ",'thoughtSignature':%.*s", STRF(mock_quote(a, s->signature)))
                  : S("");
    return mock_json(a, "{'functionCall':{'name':%.*s,'args':%.*s}%.*s}",
                     STRF(mock_quote(a, s->calls[i].name)),
                     STRF(s->calls[i].args.n ? s->calls[i].args : S("{}")), STRF(sig));
}

static str join(str all, str one, struct arena *a)
{
    return all.n ? arena_fmt(a, "%.*s,%.*s", STRF(all), STRF(one)) : one;
}

static str whole(const struct mock_say *s, struct arena *a)
{
    str parts = { 0 };
    if (s->finish == MOCK_FILTER)
        return chunk(s, S(""), finish_reason(s), a);
    if (s->thinking.n)
        parts = text_part(s->thinking, true, a);
    if (s->text.n)
        parts = join(parts, text_part(s->text, false, a), a);
    for (size_t i = 0; i < s->ncalls; i++)
        parts = join(parts, call_part(s, i, a), a);
    return chunk(s, parts, finish_reason(s), a);
}

/* With alt=sse events, else the items of one JSON array. */
static void frame(const struct mock_say *s, struct mock_frames *f, str json, bool first)
{
    if (s->sse)
        mock_frame(f, arena_fmt(f->a, "data: %.*s\r\n\r\n", STRF(json)));
    else
        mock_frame(f, arena_fmt(f->a, "%s%.*s", first ? "[" : ",\r\n", STRF(json)));
}

static void stream(const struct mock_say *s, struct mock_frames *f)
{
    size_t before = f->n;
    bool filtered = s->finish == MOCK_FILTER;
    for (uint32_t i = 0; s->thinking.n && i < 2; i++)
        frame(s, f, chunk(s, text_part(mock_piece(s->thinking, i, 2), true, f->a), NULL, f->a),
              f->n == before);
    for (uint32_t i = 0; !filtered && i < s->chunks; i++)
        if (mock_piece(s->text, i, s->chunks).n)
            frame(s, f,
                  chunk(s, text_part(mock_piece(s->text, i, s->chunks), false, f->a), NULL, f->a),
                  f->n == before);
    for (size_t i = 0; i < s->ncalls; i++)
        frame(s, f, chunk(s, call_part(s, i, f->a), NULL, f->a), f->n == before);
    frame(s, f, chunk(s, filtered ? S("") : text_part(S(""), false, f->a), finish_reason(s), f->a),
          f->n == before);
    if (!s->sse)
        mock_frame(f, S("]"));
}

static str error_json(unsigned status, str message, struct arena *a)
{
    const char *word = status == 401   ? "UNAUTHENTICATED"
                       : status == 403 ? "PERMISSION_DENIED"
                       : status == 404 ? "NOT_FOUND"
                       : status == 429 ? "RESOURCE_EXHAUSTED"
                       : status == 503 ? "UNAVAILABLE"
                       : status == 504 ? "DEADLINE_EXCEEDED"
                       : status >= 500 ? "INTERNAL"
                                       : "INVALID_ARGUMENT";
    return mock_json(a, "{'error':{'code':%u,'message':%.*s,'status':'%s'}}", status,
                     STRF(mock_quote(a, message)), word);
}

static void stream_error(str message, struct mock_frames *f)
{
    mock_frame(f, arena_fmt(f->a, "data: %.*s\r\n\r\n", STRF(error_json(503, message, f->a))));
}

const struct mock_voice mock_gemini = { S("text/event-stream"), whole, stream, error_json,
                                        stream_error };
