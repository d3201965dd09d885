/* mock_responses.c - answers of OpenAI's Responses API.
 */
#include "cli/mock.h"

struct writing {
    const struct mock_say *s;
    struct mock_frames *f;
    unsigned number; /* of the next event */
    unsigned output; /* index of the item being written */
    str items;       /* finished items, as JSON, with commas */
};

static str usage(const struct mock_say *s, struct arena *a)
{
    return mock_json(a,
                     "{'input_tokens':%d,'input_tokens_details':{'cached_tokens':%d},"
                     "'output_tokens':%d,'output_tokens_details':{'reasoning_tokens':%d},"
                     "'total_tokens':%d}",
                     s->prompt, s->cached, s->completion, s->reasoning, s->prompt + s->completion);
}

static str response(const struct mock_say *s, const char *status, str items, bool over,
                    struct arena *a)
{
    str details = S("null");
    if (over && s->finish == MOCK_LENGTH)
        details = mock_json(a, "{'reason':'max_output_tokens'}");
    return mock_json(
        a,
        "{'id':'resp_mock1','object':'response','created_at':1700000000,'status':'%s',"
        "'background':false,'error':null,'incomplete_details':%.*s,'instructions':null,"
        "'max_output_tokens':null,'model':%.*s,'output':[%.*s],"
        "'parallel_tool_calls':true,'previous_response_id':null,'reasoning':{'effort':"
        "null,'summary':null},'store':true,'temperature':1.0,'text':{'format':{'type':"
        "'text'}},'tool_choice':'auto','tools':[],'top_p':1.0,'truncation':'disabled',"
        "'usage':%.*s,'user':null,'metadata':{}}",
        status, STRF(details), STRF(mock_quote(a, s->model)), STRF(items),
        STRF(over ? usage(s, a) : S("null")));
}

static str reasoning_item(const struct mock_say *s, bool done, struct arena *a)
{
    str summary =
        done ? mock_json(a, "{'type':'summary_text','text':%.*s}", STRF(mock_quote(a, s->thinking)))
             : S("");
    return mock_json(
        a, "{'id':'rs_mock1','type':'reasoning','summary':[%.*s],'encrypted_content':%.*s}",
        STRF(summary), STRF(mock_quote(a, s->signature)));
}

static str part(const struct mock_say *s, str text, struct arena *a)
{
    if (s->finish == MOCK_FILTER)
        return mock_json(a, "{'type':'refusal','refusal':%.*s}", STRF(mock_quote(a, text)));
    return mock_json(a, "{'type':'output_text','annotations':[],'logprobs':[],'text':%.*s}",
                     STRF(mock_quote(a, text)));
}

static str message_item(const struct mock_say *s, bool done, struct arena *a)
{
    return mock_json(
        a,
        "{'id':'msg_mock1','type':'message','status':'%s','role':'assistant','content':"
        "[%.*s]}",
        done ? "completed" : "in_progress", STRF(done ? part(s, s->text, a) : S("")));
}

static str call_item(const struct mock_say *s, size_t i, bool done, struct arena *a)
{
    return mock_json(a,
                     "{'id':'fc_mock%zu','type':'function_call','status':'%s','arguments':%.*s,"
                     "'call_id':%.*s,'name':%.*s}",
                     i, done ? "completed" : "in_progress",
                     STRF(mock_quote(a, done ? s->calls[i].args : S(""))),
                     STRF(mock_quote(a, s->calls[i].id)), STRF(mock_quote(a, s->calls[i].name)));
}

static str join(str all, str one, struct arena *a)
{
    return all.n ? arena_fmt(a, "%.*s,%.*s", STRF(all), STRF(one)) : one;
}

static const char *end_status(const struct mock_say *s)
{
    return s->finish == MOCK_LENGTH ? "incomplete" : "completed";
}

static str whole(const struct mock_say *s, struct arena *a)
{
    str items = { 0 };
    if (s->thinking.n)
        items = reasoning_item(s, true, a);
    if (s->text.n)
        items = join(items, message_item(s, true, a), a);
    for (size_t i = 0; i < s->ncalls; i++)
        items = join(items, call_item(s, i, true, a), a);
    return response(s, end_status(s), items, true, a);
}

/* rest: members behind type and number, with a leading comma. */
static void event(struct writing *wr, const char *type, str rest)
{
    str t = str_c(type);
    mock_sse(wr->f, t,
             mock_json(wr->f->a, "{'type':'%s','sequence_number':%u%.*s}", type, wr->number++,
                       STRF(rest)));
}

static void item_event(struct writing *wr, const char *type, str item)
{
    event(wr, type, mock_json(wr->f->a, ",'output_index':%u,'item':%.*s", wr->output, STRF(item)));
}

static void end_item(struct writing *wr, str item)
{
    item_event(wr, "response.output_item.done", item);
    wr->items = join(wr->items, item, wr->f->a);
    wr->output++;
}

static void stream_reasoning(struct writing *wr)
{
    struct arena *a = wr->f->a;
    str text = mock_quote(a, wr->s->thinking);
    str at = mock_json(a, ",'item_id':'rs_mock1','output_index':%u,'summary_index':0", wr->output);
    item_event(wr, "response.output_item.added", reasoning_item(wr->s, false, a));
    event(wr, "response.reasoning_summary_part.added",
          mock_json(a, "%.*s,'part':{'type':'summary_text','text':''}", STRF(at)));
    event(wr, "response.reasoning_summary_text.delta",
          mock_json(a, "%.*s,'delta':%.*s", STRF(at), STRF(text)));
    event(wr, "response.reasoning_summary_text.done",
          mock_json(a, "%.*s,'text':%.*s", STRF(at), STRF(text)));
    event(wr, "response.reasoning_summary_part.done",
          mock_json(a, "%.*s,'part':{'type':'summary_text','text':%.*s}", STRF(at), STRF(text)));
    end_item(wr, reasoning_item(wr->s, true, a));
}

static void stream_message(struct writing *wr)
{
    struct arena *a = wr->f->a;
    bool refusal = wr->s->finish == MOCK_FILTER;
    str at = mock_json(a, ",'item_id':'msg_mock1','output_index':%u,'content_index':0", wr->output);
    item_event(wr, "response.output_item.added", message_item(wr->s, false, a));
    event(wr, "response.content_part.added",
          mock_json(a, "%.*s,'part':%.*s", STRF(at), STRF(part(wr->s, S(""), a))));
    for (uint32_t i = 0; i < wr->s->chunks; i++) {
        str piece = mock_piece(wr->s->text, i, wr->s->chunks);
        if (piece.n)
            event(wr, refusal ? "response.refusal.delta" : "response.output_text.delta",
                  mock_json(a, "%.*s,'delta':%.*s%s", STRF(at), STRF(mock_quote(a, piece)),
                            refusal ? "" : ",\"logprobs\":[]"));
    }
    event(wr, refusal ? "response.refusal.done" : "response.output_text.done",
          mock_json(a, "%.*s,'%s':%.*s", STRF(at), refusal ? "refusal" : "text",
                    STRF(mock_quote(a, wr->s->text))));
    event(wr, "response.content_part.done",
          mock_json(a, "%.*s,'part':%.*s", STRF(at), STRF(part(wr->s, wr->s->text, a))));
    end_item(wr, message_item(wr->s, true, a));
}

static void stream_call(struct writing *wr, size_t i)
{
    enum { PIECES = 3 };
    struct arena *a = wr->f->a;
    str at = mock_json(a, ",'item_id':'fc_mock%zu','output_index':%u", i, wr->output);
    item_event(wr, "response.output_item.added", call_item(wr->s, i, false, a));
    for (uint32_t k = 0; k < PIECES; k++)
        event(wr, "response.function_call_arguments.delta",
              mock_json(a, "%.*s,'delta':%.*s", STRF(at),
                        STRF(mock_quote(a, mock_piece(wr->s->calls[i].args, k, PIECES)))));
    event(
        wr, "response.function_call_arguments.done",
        mock_json(a, "%.*s,'arguments':%.*s", STRF(at), STRF(mock_quote(a, wr->s->calls[i].args))));
    end_item(wr, call_item(wr->s, i, true, a));
}

static void response_event(struct writing *wr, const char *type, const char *status, bool over)
{
    event(wr, type,
          mock_json(wr->f->a, ",'response':%.*s",
                    STRF(response(wr->s, status, wr->items, over, wr->f->a))));
}

static void stream(const struct mock_say *s, struct mock_frames *f)
{
    struct writing wr = { .s = s, .f = f };
    response_event(&wr, "response.created", "in_progress", false);
    response_event(&wr, "response.in_progress", "in_progress", false);
    if (s->thinking.n)
        stream_reasoning(&wr);
    if (s->text.n)
        stream_message(&wr);
    for (size_t i = 0; i < s->ncalls; i++)
        stream_call(&wr, i);
    bool cut = s->finish == MOCK_LENGTH;
    response_event(&wr, cut ? "response.incomplete" : "response.completed", end_status(s), true);
}

static str error_json(unsigned status, str message, struct arena *a)
{
    return mock_openai.error(status, message, a);
}

static void stream_error(str message, struct mock_frames *f)
{
    mock_sse(f, S("error"),
             mock_json(f->a,
                       "{'type':'error','sequence_number':99,'code':'server_error','message':%.*s,"
                       "'param':null}",
                       STRF(mock_quote(f->a, message))));
}

const struct mock_voice mock_responses = { S("text/event-stream"), whole, stream, error_json,
                                           stream_error };
