/* Whole answers, and what whole and streamed answers share. Google answers in camelCase only: the
 * other spelling is looked for in requests. */
#include "dialect/gemini_internal.h"
#include "dialect/members.h"

/* ---- finish --------------------------------------------------------------------------------- */

/* The numbers are the proto's: some recorders and proxies write enums so. */
static const struct {
    const char *name;
    int number;
    enum chat_finish finish;
} finishes[] = {
    { "STOP", 1, FINISH_STOP },
    { "MAX_TOKENS", 2, FINISH_LENGTH },
    { "SAFETY", 3, FINISH_FILTER },
    { "RECITATION", 4, FINISH_FILTER },
    { "OTHER", 5, FINISH_STOP },
    { "LANGUAGE", 6, FINISH_STOP },
    { "BLOCKLIST", 7, FINISH_FILTER },
    { "PROHIBITED_CONTENT", 8, FINISH_FILTER },
    { "SPII", 9, FINISH_FILTER },
    { "MALFORMED_FUNCTION_CALL", 10, FINISH_ERROR },
    { "IMAGE_SAFETY", 11, FINISH_FILTER },
    { "UNEXPECTED_TOOL_CALL", 12, FINISH_ERROR },
    { "TOO_MANY_TOOL_CALLS", 13, FINISH_ERROR },
    { "IMAGE_PROHIBITED_CONTENT", 14, FINISH_FILTER },
    { "IMAGE_RECITATION", -1, FINISH_FILTER },
    { "IMAGE_OTHER", -1, FINISH_FILTER },
    { "NO_IMAGE", -1, FINISH_STOP },
    { "MODEL_ARMOR", -1, FINISH_FILTER },
    { "JAILBREAK", -1, FINISH_FILTER },
    { "MALFORMED_RESPONSE", -1, FINISH_ERROR },
    { "MISSING_THOUGHT_SIGNATURE", -1, FINISH_ERROR },
    { "CONTINUATION", -1, FINISH_LENGTH }, /* the answer goes on in a request that we do not send */
};

/* Calls that the model was not to make are calls all the same, if they came. */
enum chat_finish gemini_finish_with_calls(enum chat_finish finish, str native)
{
    bool made =
        str_eq(native, S("UNEXPECTED_TOOL_CALL")) || str_eq(native, S("TOO_MANY_TOOL_CALLS"));
    return finish == FINISH_STOP || made ? FINISH_TOOL_CALLS : finish;
}

enum chat_finish gemini_finish_of(jval *reason, str *ret_native)
{
    *ret_native = (str){ 0 };
    if (!jd_given(reason)) /* in all frames but the last */
        return FINISH_NONE;
    int64_t number = gemini_i64(reason, -2);
    *ret_native = jd_str(reason);
    for (size_t i = 0; i < COUNT_OF(finishes); i++)
        if (number == finishes[i].number || str_eq(*ret_native, str_c(finishes[i].name))) {
            *ret_native = str_c(finishes[i].name);
            return finishes[i].finish;
        }
    if (number == 0 || str_eq(*ret_native, S("FINISH_REASON_UNSPECIFIED")))
        return FINISH_NONE;
    return FINISH_STOP;
}

str gemini_finish_name(enum chat_finish finish)
{
    switch (finish) {
    case FINISH_LENGTH:
    case FINISH_CONTEXT:
        return S("MAX_TOKENS");
    case FINISH_FILTER:
        return S("SAFETY");
    case FINISH_ERROR:
        return S("OTHER");
    default:
        return S("STOP");
    }
}

/* ---- usage ---------------------------------------------------------------------------------- */

static int64_t count(jval *usage, str name)
{
    int64_t n = gemini_i64(jd_get(usage, name), -1);
    return n < 0 ? -1 : n;
}

static int64_t of_modality(jval *details, str modality)
{
    JD_EACH (m, details)
        if (jd_str_is(jd_get(m.value, S("modality")), modality))
            return count(m.value, S("tokenCount"));
    return -1;
}

static int64_t plus(int64_t a, int64_t b)
{
    int64_t sum;
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return __builtin_add_overflow(a, b, &sum) ? -1 : sum;
}

bool gemini_read_usage(struct chat_usage *ret, jval *v)
{
    *ret = CHAT_USAGE_NONE;
    if (!jd_is_obj(v))
        return false;
    jval *in = jd_get(v, S("promptTokensDetails"));
    jval *out = jd_get(v, S("candidatesTokensDetails"));
    ret->prompt = plus(count(v, S("promptTokenCount")), count(v, S("toolUsePromptTokenCount")));
    ret->reasoning = count(v, S("thoughtsTokenCount"));
    ret->completion = plus(count(v, S("candidatesTokenCount")), ret->reasoning);
    ret->total = count(v, S("totalTokenCount"));
    if (ret->total < 0)
        ret->total = plus(ret->prompt, ret->completion);
    ret->cache_read = count(v, S("cachedContentTokenCount"));
    ret->audio_in = of_modality(in, S("AUDIO"));
    ret->image_in = of_modality(in, S("IMAGE"));
    ret->audio_out = of_modality(out, S("AUDIO"));
    ret->seen = ret->prompt >= 0 || ret->completion >= 0 || ret->total >= 0;
    return ret->seen;
}

void gemini_write_usage(struct jw *w, const struct chat_usage *u)
{
    int64_t reasoning = u->reasoning > 0 ? u->reasoning : 0;
    jw_kobj(w, S("usageMetadata"));
    if (u->prompt >= 0)
        jw_ki64(w, S("promptTokenCount"), u->prompt);
    if (u->completion >= 0)
        jw_ki64(w, S("candidatesTokenCount"),
                u->completion > reasoning ? u->completion - reasoning : 0);
    if (u->total >= 0 || (u->prompt >= 0 && u->completion >= 0))
        jw_ki64(w, S("totalTokenCount"), u->total >= 0 ? u->total : plus(u->prompt, u->completion));
    if (u->cache_read > 0)
        jw_ki64(w, S("cachedContentTokenCount"), u->cache_read);
    if (reasoning)
        jw_ki64(w, S("thoughtsTokenCount"), reasoning);
    jw_obj_end(w);
}

/* ---- logprobs ------------------------------------------------------------------------------- */

static void write_token(struct jw *w, jval *v)
{
    str token = jd_get_str(v, S("token"));
    jw_kstr(w, S("token"), token);
    jw_kraw(w, S("logprob"), jd_num(jd_get(v, S("logProbability"))));
    jw_karr(w, S("bytes"));
    for (size_t i = 0; i < token.n; i++)
        jw_i64(w, (unsigned char)token.p[i]);
    jw_arr_end(w);
}

str gemini_logprobs(jval *result, struct arena *a)
{
    jval *chosen = jd_get(result, S("chosenCandidates"));
    struct jd_iter top = jd_iter(jd_get(result, S("topCandidates")));
    if (jd_count(chosen) == 0)
        return (str){ 0 };
    struct buf out;
    struct jw w;
    buf_init(&out, (size_t)64 << 20);
    jw_init(&w, &out);
    jw_obj(&w);
    jw_karr(&w, S("content"));
    JD_EACH (m, chosen) {
        jw_obj(&w);
        write_token(&w, m.value);
        jw_karr(&w, S("top_logprobs"));
        if (jd_next(&top))
            JD_EACH (t, jd_get(top.value, S("candidates"))) {
                jw_obj(&w);
                write_token(&w, t.value);
                jw_obj_end(&w);
            }
        jw_arr_end(&w);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_knull(&w, S("refusal"));
    jw_obj_end(&w);
    str copy = out.full ? (str){ 0 } : arena_dup(a, buf_str(&out));
    buf_done(&out);
    return copy;
}

static void write_candidate_token(struct jw *w, jval *v)
{
    jw_obj(w);
    jw_kstr(w, S("token"), jd_get_str(v, S("token")));
    jw_kval(w, S("logProbability"), jd_get(v, S("logprob")));
    jw_obj_end(w);
}

void gemini_write_logprobs(struct jw *w, str openai, struct arena *a)
{
    jval *v = NULL;
    jval *tokens =
        openai.n == 0 || FAILED(jd_read(&v, openai, a, NULL)) ? NULL : jd_get(v, S("content"));
    if (jd_count(tokens) == 0)
        return;
    jw_kobj(w, S("logprobsResult"));
    jw_karr(w, S("chosenCandidates"));
    JD_EACH (m, tokens)
        write_candidate_token(w, m.value);
    jw_arr_end(w);
    jw_karr(w, S("topCandidates"));
    JD_EACH (m, tokens) {
        jw_obj(w);
        jw_karr(w, S("candidates"));
        JD_EACH (t, jd_get(m.value, S("top_logprobs")))
            write_candidate_token(w, t.value);
        jw_arr_end(w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

/* ---- citations ------------------------------------------------------------------------------ */

/* Characters in the first `bytes` bytes of text. */
static int64_t characters(str text, int64_t bytes)
{
    int64_t n = 0;
    for (size_t i = 0; i < text.n && (int64_t)i < bytes; i++)
        n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
    return n;
}

static bool write_citation(struct jw *w, jval *chunk, int64_t start, int64_t end)
{
    jval *web = jd_get(chunk, S("web"));
    if (!web)
        web = jd_get(chunk, S("retrievedContext"));
    str uri = jd_get_str(web, S("uri"));
    if (uri.n == 0)
        return false;
    jw_obj(w);
    jw_kstr(w, S("type"), S("url_citation"));
    jw_kobj(w, S("url_citation"));
    jw_ki64(w, S("start_index"), start);
    jw_ki64(w, S("end_index"), end);
    jw_kstr(w, S("url"), uri);
    jw_kstr(w, S("title"), jd_get_str(web, S("title")));
    jw_obj_end(w);
    jw_obj_end(w);
    return true;
}

str gemini_notes(jval *grounding, str text, struct arena *a)
{
    enum { CHUNKS_MAX = 256, WRITTEN_MAX = 2048, TEXT_MAX = 64 << 10 };
    jval *list = jd_get(grounding, S("groundingChunks"));
    jval *supports = jd_get(grounding, S("groundingSupports"));
    if (jd_count(list) == 0)
        return (str){ 0 };
    jval *chunks[CHUNKS_MAX];
    int64_t n = 0;
    JD_EACH (m, list)
        if (n < CHUNKS_MAX)
            chunks[n++] = m.value;
    struct buf out;
    struct jw w;
    buf_init(&out, (size_t)4 << 20);
    jw_init(&w, &out);
    jw_arr(&w);
    int written = 0;
    JD_EACH (m, supports) {
        jval *segment = jd_get(m.value, S("segment"));
        int64_t start = gemini_i64(jd_get(segment, S("startIndex")), 0);
        int64_t end = gemini_i64(jd_get(segment, S("endIndex")), 0);
        /* Offsets count bytes; ours count characters. */
        bool counted = text.n <= TEXT_MAX && end >= start && end <= (int64_t)text.n;
        start = counted && written < WRITTEN_MAX ? characters(text, start) : 0;
        end = counted && written < WRITTEN_MAX ? characters(text, end) : 0;
        JD_EACH (i, jd_get(m.value, S("groundingChunkIndices"))) {
            int64_t at = gemini_i64(i.value, -1);
            if (at >= 0 && at < n && written < WRITTEN_MAX)
                written += write_citation(&w, chunks[at], start, end);
        }
    }
    for (int64_t i = 0; written == 0 && i < n; i++) /* sources without places */
        write_citation(&w, chunks[i], 0, 0);
    jw_arr_end(&w);
    str copy = out.full || out.n == 2 ? (str){ 0 } : arena_dup(a, buf_str(&out));
    buf_done(&out);
    return copy;
}

/* Takes what the citations of all vendors have in common: an address and a title. */
void gemini_write_grounding(struct jw *w, str notes, struct arena *a)
{
    jval *list;
    if (notes.n == 0 || FAILED(jd_read(&list, notes, a, NULL)) || !jd_is_arr(list))
        return;
    bool open = false;
    JD_EACH (m, list) {
        jval *inner = jd_get(m.value, S("url_citation"));
        jval *from = inner ? inner : m.value;
        str uri = jd_get_str(from, S("url"));
        if (uri.n == 0)
            continue;
        if (!open) {
            jw_kobj(w, S("groundingMetadata"));
            jw_karr(w, S("groundingChunks"));
        }
        open = true;
        jw_obj(w);
        jw_kobj(w, S("web"));
        jw_kstr(w, S("uri"), uri);
        jw_kstr(w, S("title"), jd_get_str(from, S("title")));
        jw_obj_end(w);
        jw_obj_end(w);
    }
    if (open) {
        jw_arr_end(w);
        jw_obj_end(w);
    }
}

/* ---- parts ---------------------------------------------------------------------------------- */

void gemini_write_text(struct jw *w, str text, bool thought, str signature)
{
    jw_obj(w);
    jw_kstr(w, S("text"), text);
    if (thought)
        jw_kbool(w, S("thought"), true);
    jw_kstr_if(w, S("thoughtSignature"), signature);
    jw_obj_end(w);
}

void gemini_write_args(struct jw *w, const struct chat_call *call, struct arena *a)
{
    jval *args;
    if (call->custom) {
        jw_obj(w);
        jw_kstr(w, S("input"), call->args);
        jw_obj_end(w);
    } else if (str_trim(call->args).n && !FAILED(jd_read(&args, call->args, a, NULL)) &&
               jd_is_obj(args)) {
        jw_val(w, args);
    } else {
        jw_raw(w, S("{}"));
    }
}

/* ---- reading -------------------------------------------------------------------------------- */

static struct chat_part *new_part(struct chat_part ***tail, enum part_kind kind, struct arena *a)
{
    struct chat_part *part = NEW(a, struct chat_part, 1);
    part->kind = kind;
    part->origin = DIALECT_GEMINI;
    **tail = part;
    *tail = &part->next;
    return part;
}

static void read_part(struct chat_part ***tail, jval *v, struct arena *a)
{
    static const char *const said[] = { "text",         "thought",    "thoughtSignature",
                                        "functionCall", "inlineData", NULL };
    struct chat_part **at = *tail;
    str signature = jd_get_str(v, S("thoughtSignature"));
    jval *call = jd_get(v, S("functionCall"));
    jval *data = jd_get(v, S("inlineData"));
    jval *text = jd_get(v, S("text"));
    if (jd_is_obj(call)) {
        struct chat_part *part = new_part(tail, PART_TOOL_CALL, a);
        jval *args = jd_get(call, S("args"));
        str id = jd_get_str(call, S("id"));
        part->call.id = id.n ? id : chat_new_id(a, S("call_"));
        part->call.name = jd_get_str(call, S("name"));
        part->call.args = jd_is_obj(args) ? jd_text(args, a) : S("{}");
        part->call.signature = signature;
    } else if (jd_is_obj(data)) {
        str mime = jd_get_str(data, S("mimeType"));
        struct chat_part *part = new_part(tail, gemini_media_kind(mime), a);
        gemini_read_media(part, data, NULL, a);
        part->signature = signature;
    } else if (jd_is_str(text) || (signature.n && jd_count(v) == 1)) {
        bool thought = jd_is_true(jd_get(v, S("thought")));
        if (jd_str(text).n == 0 && signature.n == 0)
            return;
        struct chat_part *part = new_part(tail, thought ? PART_THINKING : PART_TEXT, a);
        part->text = jd_str(text);
        part->signature = signature;
    } else if (jd_is_obj(v) && jd_count(v)) {
        new_part(tail, PART_OPAQUE, a)->raw = jd_text(v, a);
        return;
    }
    if (*at)
        (*at)->extras = members_others(v, said, a);
}

/* What is gathered of one alternative; an array of frames adds to it again and again. */
struct gathered {
    struct chat_choice choice;
    struct chat_part **tail;
    jval *grounding;
};

enum { CHOICES_MAX = 64 };

struct frames {
    struct chat_reply *reply;
    struct arena *arena;
    struct gathered *of[CHOICES_MAX];
    bool blocked;
};

static struct gathered *choice_at(struct frames *f, int64_t index)
{
    if (index < 0 || index >= CHOICES_MAX)
        index = 0;
    if (!f->of[index]) {
        f->of[index] = NEW(f->arena, struct gathered, 1);
        f->of[index]->choice.index = index;
        f->of[index]->tail = &f->of[index]->choice.parts;
    }
    return f->of[index];
}

static void read_candidate(struct frames *f, jval *v)
{
    struct gathered *g = choice_at(f, gemini_i64(jd_get(v, S("index")), 0));
    JD_EACH (m, jd_get(jd_get(v, S("content")), S("parts")))
        read_part(&g->tail, m.value, f->arena);
    str native;
    enum chat_finish finish = gemini_finish_of(jd_get(v, S("finishReason")), &native);
    if (finish != FINISH_NONE) {
        g->choice.finish = finish;
        g->choice.native_finish = native;
    }
    jval *grounding = jd_get(v, S("groundingMetadata"));
    if (jd_count(grounding))
        g->grounding = grounding;
    str logprobs = gemini_logprobs(jd_get(v, S("logprobsResult")), f->arena);
    if (logprobs.n)
        g->choice.logprobs = logprobs;
}

static void read_frame(struct frames *f, jval *v)
{
    struct chat_reply *r = f->reply;
    r->id = jd_str_or(jd_get(v, S("responseId")), r->id);
    r->model = jd_str_or(jd_get(v, S("modelVersion")), r->model);
    JD_EACH (m, jd_get(v, S("candidates")))
        read_candidate(f, m.value);
    struct chat_usage usage;
    jval *metadata = jd_get(v, S("usageMetadata"));
    if (gemini_read_usage(&usage, metadata))
        r->usage = usage;
    r->service_tier = jd_str_or(jd_get(metadata, S("serviceTier")), r->service_tier);
    str reason = jd_get_str(jd_get(v, S("promptFeedback")), S("blockReason"));
    if (reason.n && jd_count(jd_get(v, S("candidates"))) == 0) {
        struct gathered *g = choice_at(f, 0);
        g->choice.finish = FINISH_FILTER;
        g->choice.native_finish = reason;
    }
}

/* Frames cut a text anywhere: neighbours of a kind are one, unless the first one is signed. */
static void join_texts(struct chat_choice *c, struct arena *a)
{
    for (struct chat_part *p = c->parts; p; p = p->next) {
        if (p->kind != PART_TEXT && p->kind != PART_THINKING)
            continue;
        size_t n = p->text.n, pieces = 1;
        struct chat_part *last = p;
        while (last->signature.n == 0 && last->next && last->next->kind == p->kind) {
            last = last->next;
            n += last->text.n;
            pieces++;
        }
        if (pieces == 1)
            continue;
        char *text = arena_raw(a, n + 1), *at = text;
        for (struct chat_part *q = p;; q = q->next) {
            at = q->text.n ? mempcpy(at, q->text.p, q->text.n) : at;
            if (q == last)
                break;
        }
        p->text = (str){ text, n };
        p->signature = last->signature;
        p->next = last->next;
    }
}

static void finish_choice(struct chat_choice *c, jval *grounding, struct arena *a)
{
    struct chat_part *text = NULL;
    for (struct chat_part *p = c->parts; p; p = p->next) {
        if (p->kind == PART_TOOL_CALL)
            c->finish = gemini_finish_with_calls(c->finish, c->native_finish);
        if (p->kind == PART_TEXT)
            text = p;
    }
    if (!grounding)
        return;
    str notes = gemini_notes(grounding, chat_text_of(a, c->parts, S("")), a);
    if (notes.n && text)
        text->notes = notes;
}

static rc no_reply(struct chat_error *error, struct arena *a, struct err *e, const char *what)
{
    *error = (struct chat_error){ .status = 502,
                                  .kind = ERR_BAD_GATEWAY,
                                  .message = arena_fmt(a, "Gemini's answer is %s", what),
                                  .retry_after_ms = -1 };
    return fail(e, E_UPSTREAM, "gemini", 0, "the answer is %s", what);
}

/* What stands beside the parts: ratings, grounding, counts by kind ... */
static void read_extras(struct frames *f, jval *v)
{
    static const char *const of_reply[] = { "candidates", "modelVersion", "responseId", NULL };
    static const char *const of_candidate[] = { "content", "finishReason", "index", NULL };
    static const char *const of_content[] = { "role", NULL };
    f->reply->extras = members_others(v, of_reply, f->arena);
    JD_EACH (m, jd_get(v, S("candidates"))) {
        struct chat_choice *c = &choice_at(f, gemini_i64(jd_get(m.value, S("index")), 0))->choice;
        members_add_others(&c->extras, m.value, of_candidate, f->arena);
        if (!c->parts) /* parts: [] or none at all */
            members_add_others(&c->message_extras, jd_get(m.value, S("content")), of_content,
                               f->arena);
    }
}

rc gemini_read_reply(struct chat_reply *ret, str body, struct chat_error *error, struct arena *a,
                     struct err *e)
{
    jval *v;
    *ret = (struct chat_reply){ .origin = DIALECT_GEMINI, .usage = CHAT_USAGE_NONE };
    if (FAILED(jd_read(&v, body, a, NULL)))
        return no_reply(error, a, e, "not JSON");
    if (gemini_find_error(error, 0, v, a)) {
        error->status = chat_error_status(error->kind);
        return fail(e, E_UPSTREAM, "gemini", 0, "%.*s", STRF(str_take(error->message, 200)));
    }
    struct frames f = { .reply = ret, .arena = a };
    bool many = jd_is_arr(v);
    if (many) {
        JD_EACH (m, v)
            read_frame(&f, m.value);
    } else {
        read_frame(&f, v);
        read_extras(&f, v);
    }
    struct chat_choice **tail = &ret->choices;
    for (size_t i = 0; i < CHOICES_MAX; i++) {
        if (!f.of[i])
            continue;
        if (many)
            join_texts(&f.of[i]->choice, a);
        finish_choice(&f.of[i]->choice, f.of[i]->grounding, a);
        *tail = &f.of[i]->choice;
        tail = &f.of[i]->choice.next;
    }
    if (!ret->choices)
        return no_reply(error, a, e, "without candidates");
    return RC_OK;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void write_bare_part(struct jw *w, const struct chat_part *part, enum dialect_id origin,
                            struct arena *a)
{
    str signature = gemini_signature_out(a, part->signature, origin, false);
    switch (part->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
        gemini_write_text(w, part->text, false, origin == DIALECT_GEMINI ? signature : (str){ 0 });
        break;
    case PART_THINKING:
        gemini_write_text(w, part->text, true, signature);
        break;
    case PART_REDACTED:
        gemini_write_text(w, S(""), true, gemini_signature_out(a, part->media.data, origin, true));
        break;
    case PART_TOOL_CALL:
        jw_obj(w);
        jw_kobj(w, S("functionCall"));
        jw_kstr_if(w, S("id"), part->call.id);
        jw_kstr(w, S("name"), part->call.name);
        jw_key(w, S("args"));
        gemini_write_args(w, &part->call, a);
        jw_obj_end(w);
        jw_kstr_if(w, S("thoughtSignature"), part->call.signature);
        jw_obj_end(w);
        break;
    case PART_IMAGE:
    case PART_AUDIO:
    case PART_VIDEO:
    case PART_FILE:
        jw_obj(w);
        jw_kobj(w, part->media.data.n ? S("inlineData") : S("fileData"));
        jw_kstr_if(w, S("mimeType"), part->media.mime);
        if (part->media.data.n)
            jw_kstr(w, S("data"), part->media.data);
        else
            jw_kstr(w, S("fileUri"), part->media.url.n ? part->media.url : part->media.file_id);
        jw_obj_end(w);
        jw_kstr_if(w, S("thoughtSignature"), origin == DIALECT_GEMINI ? signature : (str){ 0 });
        jw_obj_end(w);
        break;
    case PART_OPAQUE:
        if (origin == DIALECT_GEMINI && part->raw.n)
            jw_raw(w, part->raw);
        break;
    default:
        break;
    }
}

static void write_part(struct jw *w, const struct chat_part *part, enum dialect_id from,
                       struct arena *a)
{
    enum dialect_id origin = part->origin ? part->origin : from;
    size_t at = w->out->n + w->comma;
    write_bare_part(w, part, origin, a);
    if (origin == DIALECT_GEMINI && w->out->n > at)
        members_put_back(w->out, at, part->extras, a);
}

/* Thoughts first, then text, then calls: the order that Gemini itself keeps. */
static void write_parts(struct jw *w, const struct chat_choice *c, enum dialect_id from,
                        struct arena *a)
{
    jw_karr(w, S("parts"));
    for (const struct chat_part *p = c->parts; p; p = p->next)
        write_part(w, p, from, a);
    jw_arr_end(w);
}

static void write_candidate(struct jw *w, const struct chat_reply *r,
                            const struct chat_choice *choice, struct arena *a)
{
    bool own = r->origin == DIALECT_GEMINI;
    str notes = { 0 };
    jw_obj(w);
    size_t from = w->out->n - 1;
    jw_kobj(w, S("content"));
    size_t content = w->out->n - 1;
    write_parts(w, choice, r->origin, a);
    jw_kstr(w, S("role"), S("model"));
    jw_obj_end(w);
    if (own)
        members_put_back(w->out, content, choice->message_extras, a);
    jw_kstr(w, S("finishReason"),
            own && choice->native_finish.n ? choice->native_finish
                                           : gemini_finish_name(choice->finish));
    jw_ki64(w, S("index"), choice->index);
    for (const struct chat_part *p = choice->parts; p; p = p->next)
        if (p->notes.n)
            notes = p->notes;
    gemini_write_grounding(w, notes, a);
    gemini_write_logprobs(w, choice->logprobs, a);
    jw_obj_end(w);
    if (own)
        members_put_back(w->out, from, choice->extras, a);
}

/* A prompt that was blocked: Gemini says so in promptFeedback and gives no candidates. */
static bool blocked_prompt(const struct chat_reply *r)
{
    return r->origin == DIALECT_GEMINI && members_find(r->extras, S("promptFeedback")) &&
           r->choices && !r->choices->next && !r->choices->parts &&
           r->choices->finish == FINISH_FILTER && !r->choices->extras;
}

void gemini_write_reply(struct buf *out, const struct chat_reply *r, const struct dialect_ctx *c)
{
    struct jw w;
    size_t from = out->n;
    jw_init(&w, out);
    jw_obj(&w);
    if (!blocked_prompt(r)) {
        jw_karr(&w, S("candidates"));
        for (const struct chat_choice *choice = r->choices; choice; choice = choice->next)
            write_candidate(&w, r, choice, c->arena);
        jw_arr_end(&w);
    }
    if (r->usage.seen)
        gemini_write_usage(&w, &r->usage);
    jw_kstr(&w, S("modelVersion"), c->model);
    jw_kstr(&w, S("responseId"), r->id.n ? r->id : c->id);
    jw_obj_end(&w);
    if (r->origin == DIALECT_GEMINI)
        members_put_back(out, from, r->extras, c->arena);
}
