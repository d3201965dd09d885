/* mock_openai.c - answers of OpenAI's chat completions.
 */
#include "cli/mock.h"

#define HEAD "'id':'chatcmpl-mock1','object':'%s','created':1700000000,'model':%.*s"

static str finish_word(const struct mock_say *s)
{
    static const str words[] = { S("stop"), S("length"), S("tool_calls"), S("content_filter"),
                                 S("stop") };
    return words[s->finish];
}

static str usage(const struct mock_say *s, struct arena *a)
{
    return mock_json(a,
                     "{'prompt_tokens':%d,'completion_tokens':%d,'total_tokens':%d,"
                     "'prompt_tokens_details':{'cached_tokens':%d,'audio_tokens':0},"
                     "'completion_tokens_details':{'reasoning_tokens':%d,'audio_tokens':0}}",
                     s->prompt, s->completion, s->prompt + s->completion, s->cached, s->reasoning);
}

static str calls_json(const struct mock_say *s, struct arena *a)
{
    str all = { 0 };
    for (size_t i = 0; i < s->ncalls; i++)
        all =
            mock_json(a,
                      "%.*s%s{'id':%.*s,'type':'function','function':{'name':%.*s,'arguments':"
                      "%.*s}}",
                      STRF(all), i ? "," : "", STRF(mock_quote(a, s->calls[i].id)),
                      STRF(mock_quote(a, s->calls[i].name)), STRF(mock_quote(a, s->calls[i].args)));
    return mock_json(a, ",'tool_calls':[%.*s]", STRF(all));
}

static str whole(const struct mock_say *s, struct arena *a)
{
    bool refused = s->finish == MOCK_FILTER;
    str content = s->text.n && !refused ? mock_quote(a, s->text) : S("null");
    str thinking = s->thinking.n
                       ? mock_json(a, ",'reasoning_content':%.*s", STRF(mock_quote(a, s->thinking)))
                       : S("");
    return mock_json(
        a,
        "{" HEAD ",'choices':[{'index':0,'message':{'role':'assistant','content':%.*s,"
        "'refusal':%.*s%.*s%.*s},'logprobs':null,'finish_reason':'%.*s'}],'usage':%.*s,"
        "'service_tier':'default','system_fingerprint':'fp_mock'}",
        "chat.completion", STRF(mock_quote(a, s->model)), STRF(content),
        STRF(refused ? mock_quote(a, s->text) : S("null")), STRF(thinking),
        STRF(s->ncalls ? calls_json(s, a) : S("")), STRF(finish_word(s)), STRF(usage(s, a)));
}

static void delta(const struct mock_say *s, struct mock_frames *f, str json, const char *finish)
{
    mock_sse(
        f, S(""),
        mock_json(f->a,
                  "{" HEAD ",'system_fingerprint':'fp_mock','choices':[{'index':0,'delta':%.*s,"
                  "'logprobs':null,'finish_reason':%s}]}",
                  "chat.completion.chunk", STRF(mock_quote(f->a, s->model)), STRF(json), finish));
}

static void call_deltas(const struct mock_say *s, struct mock_frames *f, size_t i)
{
    enum { PIECES = 3 };
    delta(s, f,
          mock_json(
              f->a,
              "{'tool_calls':[{'index':%zu,'id':%.*s,'type':'function','function':{'name':%.*s,"
              "'arguments':''}}]}",
              i, STRF(mock_quote(f->a, s->calls[i].id)), STRF(mock_quote(f->a, s->calls[i].name))),
          "null");
    for (uint32_t k = 0; k < PIECES; k++)
        delta(s, f,
              mock_json(f->a, "{'tool_calls':[{'index':%zu,'function':{'arguments':%.*s}}]}", i,
                        STRF(mock_quote(f->a, mock_piece(s->calls[i].args, k, PIECES)))),
              "null");
}

static void text_deltas(const struct mock_say *s, struct mock_frames *f, const char *key, str text,
                        uint32_t pieces)
{
    for (uint32_t i = 0; text.n && i < pieces; i++)
        if (mock_piece(text, i, pieces).n)
            delta(s, f,
                  mock_json(f->a, "{'%s':%.*s}", key,
                            STRF(mock_quote(f->a, mock_piece(text, i, pieces)))),
                  "null");
}

static void stream(const struct mock_say *s, struct mock_frames *f)
{
    delta(s, f, mock_json(f->a, "{'role':'assistant','content':''}"), "null");
    text_deltas(s, f, "reasoning_content", s->thinking, 3);
    text_deltas(s, f, s->finish == MOCK_FILTER ? "refusal" : "content", s->text, s->chunks);
    for (size_t i = 0; i < s->ncalls; i++)
        call_deltas(s, f, i);
    delta(s, f, S("{}"), arena_fmt(f->a, "\"%.*s\"", STRF(finish_word(s))).p);
    if (s->show_usage)
        mock_sse(f, S(""),
                 mock_json(f->a, "{" HEAD ",'choices':[],'usage':%.*s}", "chat.completion.chunk",
                           STRF(mock_quote(f->a, s->model)), STRF(usage(s, f->a))));
    mock_frame(f, S("data: [DONE]\n\n"));
}

static str error_json(unsigned status, str message, struct arena *a)
{
    const char *type = status == 401   ? "authentication_error"
                       : status == 429 ? "rate_limit_error"
                       : status >= 500 ? "server_error"
                                       : "invalid_request_error";
    const char *code = status == 401   ? "\"invalid_api_key\""
                       : status == 404 ? "\"model_not_found\""
                       : status == 429 ? "\"rate_limit_exceeded\""
                                       : "null";
    return mock_json(a, "{'error':{'message':%.*s,'type':'%s','param':null,'code':%s}}",
                     STRF(mock_quote(a, message)), type, code);
}

static void stream_error(str message, struct mock_frames *f)
{
    mock_sse(f, S(""),
             mock_json(f->a,
                       "{'error':{'message':%.*s,'type':'server_error','param':null,'code':null}}",
                       STRF(mock_quote(f->a, message))));
}

const struct mock_voice mock_openai = { S("text/event-stream"), whole, stream, error_json,
                                        stream_error };
