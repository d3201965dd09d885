/* A client's generateContent request. */
#include "base/base64.h"
#include "dialect/gemini_internal.h"
#include "dialect/members.h"

struct reader {
    struct chat_req *req;
    struct arena *arena;
    struct err *err;
    struct chat_message **tail;
    struct chat_extra **extras;
    struct chat_part *last; /* of the content being read */
    size_t last_cap;        /* room behind a joined thought's text */
};

static struct chat_part *add_part(struct reader *r, struct chat_message *m, enum part_kind kind)
{
    struct chat_part *part = NEW(r->arena, struct chat_part, 1);
    part->kind = kind;
    *(r->last ? &r->last->next : &m->parts) = part;
    r->last = part;
    r->last_cap = 0;
    return part;
}

static rc wrong(struct reader *r, const char *where, const char *want, jval *got)
{
    return fail(r->err, E_SYNTAX, where, 0, "%s: expected %s, got %s", where, want,
                json_kind_name(jd_kind(got)));
}

static void add_extra(struct reader *r, str name, str value)
{
    chat_add_extra(r->arena, &r->extras, arena_dup(r->arena, name), value);
}

/* ---- signatures ----------------------------------------------------------------------------- */

/* "sluice.<kind><vendor>.<signature>" in base64: clients decode the field. */
str gemini_signature_out(struct arena *a, str sig, enum dialect_id origin, bool redacted)
{
    if (sig.n == 0 || ((origin == DIALECT_GEMINI || origin == DIALECT_NONE) && !redacted))
        return sig;
    struct buf out;
    buf_init(&out, SIZE_MAX);
    base64_add(&out,
               arena_fmt(a, "sluice.%c%u.%.*s", redacted ? 'r' : 't', (unsigned)origin, STRF(sig)));
    str copy = arena_dup(a, buf_str(&out));
    buf_done(&out);
    return copy;
}

/* Clients write the field back in either alphabet. */
static str decode(struct arena *a, str in)
{
    char *standard = NEW(a, char, in.n + 1);
    for (size_t i = 0; i < in.n; i++)
        standard[i] = in.p[i] == '-' ? '+' : in.p[i] == '_' ? '/' : in.p[i];
    struct buf out;
    buf_init(&out, in.n);
    str plain = { 0 };
    if (base64_decode(&out, (str){ standard, in.n }))
        plain = arena_dup(a, buf_str(&out));
    buf_done(&out);
    return plain;
}

struct gemini_signature gemini_signature_in(struct arena *a, str sig)
{
    struct gemini_signature ret = { sig, DIALECT_GEMINI, false };
    str mark = S("c2x1aWNlL"); /* "sluice." up to its last whole digit */
    if (!str_starts(sig, mark))
        return ret;
    str plain = decode(a, sig);
    if (!str_starts(plain, S("sluice.")) || plain.n < 10 || plain.p[9] != '.')
        return ret;
    ret.redacted = plain.p[7] == 'r';
    unsigned origin = (unsigned)(plain.p[8] - '0');
    ret.origin = origin < DIALECT_COUNT ? (enum dialect_id)origin : DIALECT_NONE;
    ret.sig = str_skip(plain, 10);
    return ret;
}

/* ---- parts ---------------------------------------------------------------------------------- */

enum part_kind gemini_media_kind(str mime)
{
    return str_istarts(mime, S("image/"))   ? PART_IMAGE
           : str_istarts(mime, S("audio/")) ? PART_AUDIO
           : str_istarts(mime, S("video/")) ? PART_VIDEO
                                            : PART_FILE;
}

/* Google takes the URL's alphabet as well, and its Python SDK writes it; other vendors do not. */
static str standard_base64(struct arena *a, str data)
{
    if (data.n == 0 || (!memchr(data.p, '-', data.n) && !memchr(data.p, '_', data.n)))
        return data;
    size_t padding = (4 - data.n % 4) % 4;
    char *p = arena_raw(a, data.n + padding);
    for (size_t i = 0; i < data.n; i++)
        p[i] = data.p[i] == '-' ? '+' : data.p[i] == '_' ? '/' : data.p[i];
    memset(p + data.n, '=', padding);
    return (str){ p, data.n + padding };
}

void gemini_read_media(struct chat_part *part, jval *inline_data, jval *file_data, struct arena *a)
{
    jval *from = inline_data ? inline_data : file_data;
    part->media.mime = gemini_get_str(from, S("mimeType"));
    part->media.name = gemini_get_str(from, S("displayName"));
    if (inline_data) {
        part->media.data = standard_base64(a, jd_get_str(from, S("data")));
    } else {
        str uri = gemini_get_str(from, S("fileUri"));
        /* Files of Google's own store are of use to Google only. */
        if (str_contains(uri, S("://")) &&
            !str_starts(uri, S("https://generativelanguage.googleapis.com/")))
            part->media.url = uri;
        else
            part->media.file_id = uri;
        if (part->media.mime.n == 0 && str_contains(uri, S("youtu")))
            part->kind = PART_VIDEO;
    }
}

/* {"output":"text"} is that text, {"error":"text"} an error; else the object's own JSON text. */
static void read_response(struct reader *r, struct chat_result *result, jval *response)
{
    str text = { 0 };
    if (jd_count(response) == 1 && jd_is_str(jd_get(response, S("output")))) {
        text = jd_get_str(response, S("output"));
    } else if (jd_count(response) == 1 && jd_is_str(jd_get(response, S("error")))) {
        result->is_error = true;
        text = jd_get_str(response, S("error"));
    } else if (jd_is_str(response)) {
        text = jd_str(response);
    } else if (jd_given(response)) {
        text = jd_text(response, r->arena);
    }
    chat_add_part(r->arena, &result->content, PART_TEXT)->text = text;
}

static void read_result(struct reader *r, struct chat_part *part, jval *v)
{
    static const char *const said[] = { "id", "name", "response", "parts", NULL };
    part->result.id = jd_get_str(v, S("id"));
    part->result.name = jd_get_str(v, S("name"));
    read_response(r, &part->result, jd_get(v, S("response")));
    part->extras = members_others(v, said, r->arena);
    JD_EACH (m, jd_get(v, S("parts"))) {
        jval *data = gemini_get(m.value, S("inlineData"));
        jval *file = gemini_get(m.value, S("fileData"));
        if (!data && !file)
            continue;
        str mime = gemini_get_str(data ? data : file, S("mimeType"));
        gemini_read_media(chat_add_part(r->arena, &part->result.content, gemini_media_kind(mime)),
                          data, file, r->arena);
    }
}

static void read_call(struct reader *r, struct chat_part *part, jval *v)
{
    jval *args = jd_get(v, S("args"));
    part->call.id = jd_get_str(v, S("id"));
    part->call.name = jd_get_str(v, S("name"));
    part->call.args = jd_is_obj(args) ? jd_text(args, r->arena) : S("{}");
    part->call.signature = part->signature;
    part->signature = (str){ 0 };
}

/* Pieces of one thought, as a streamed answer leaves them in the history, are one again: other
 * vendors sign the whole. */
static bool join_thought(struct reader *r, str text, const struct gemini_signature *sig)
{
    struct chat_part *last = r->last;
    if (!last || last->kind != PART_THINKING || last->signature.n || sig->redacted)
        return false;
    size_t n = last->text.n + text.n;
    char *p = (char *)(uintptr_t)last->text.p;
    if (n > r->last_cap) {
        r->last_cap = 2 * n;
        p = arena_raw(r->arena, r->last_cap);
        if (last->text.n)
            memcpy(p, last->text.p, last->text.n);
    }
    if (text.n)
        memcpy(p + last->text.n, text.p, text.n);
    last->text = (str){ p, n };
    last->signature = sig->sig;
    last->origin = sig->origin;
    return true;
}

static void read_text(struct reader *r, struct chat_message *m, jval *v,
                      const struct gemini_signature *sig)
{
    bool thought = jd_is_true(jd_get(v, S("thought")));
    str text = jd_get_str(v, S("text"));
    if (sig->redacted) {
        struct chat_part *part = add_part(r, m, PART_REDACTED);
        part->media.data = sig->sig;
        part->origin = sig->origin;
        return;
    }
    /* A foreign signature is always a thought's, however the client kept the part. */
    thought = thought || (sig->sig.n && sig->origin != DIALECT_GEMINI);
    if (thought && join_thought(r, text, sig))
        return;
    struct chat_part *part = add_part(r, m, thought ? PART_THINKING : PART_TEXT);
    part->text = text;
    part->signature = sig->sig;
    part->origin = sig->origin;
}

static void read_part(struct reader *r, struct chat_message *m, jval *v)
{
    struct gemini_signature sig =
        gemini_signature_in(r->arena, gemini_get_str(v, S("thoughtSignature")));
    jval *call = gemini_get(v, S("functionCall"));
    jval *response = gemini_get(v, S("functionResponse"));
    jval *data = gemini_get(v, S("inlineData"));
    jval *file = gemini_get(v, S("fileData"));
    bool is_text = jd_is_str(jd_get(v, S("text"))) || (sig.sig.n && jd_count(v) == 1);
    if (jd_is_str(v)) {
        add_part(r, m, PART_TEXT)->text = jd_str(v);
    } else if (jd_is_obj(call)) {
        struct chat_part *part = add_part(r, m, PART_TOOL_CALL);
        part->signature = sig.sig;
        part->origin = sig.origin;
        read_call(r, part, call);
    } else if (jd_is_obj(response)) {
        read_result(r, add_part(r, m, PART_TOOL_RESULT), response);
    } else if (jd_is_obj(data) || jd_is_obj(file)) {
        str mime = gemini_get_str(data ? data : file, S("mimeType"));
        struct chat_part *part = add_part(r, m, gemini_media_kind(mime));
        part->origin = DIALECT_GEMINI;
        part->signature = sig.sig;
        gemini_read_media(part, data, file, r->arena);
        if (jd_count(v) > 1 || part->media.name.n) /* videoMetadata, displayName and the like */
            part->raw = jd_text(v, r->arena);
    } else if (is_text) {
        read_text(r, m, v, &sig);
    } else if (jd_is_obj(v) && jd_count(v)) {
        struct chat_part *part = add_part(r, m, PART_OPAQUE);
        part->origin = DIALECT_GEMINI;
        part->raw = jd_text(v, r->arena);
    }
}

/* ---- contents ------------------------------------------------------------------------------- */

/* Results stand in a message of their own, before what the user says besides. */
static void add_split(struct reader *r, struct chat_message *m)
{
    struct chat_part **all = &m->parts, *results = NULL, **tail = &results;
    while (*all) {
        struct chat_part *p = *all;
        if (p->kind != PART_TOOL_RESULT) {
            all = &p->next;
            continue;
        }
        *all = p->next;
        p->next = NULL;
        *tail = p;
        tail = &p->next;
    }
    if (results)
        chat_add_message(r->arena, &r->tail, ROLE_TOOL)->parts = results;
    if (results && !m->parts)
        return;
    struct chat_message *rest = chat_add_message(r->arena, &r->tail, m->role);
    rest->parts = m->parts;
    rest->split = results != NULL;
}

static rc read_content(struct reader *r, jval *v, const char *where)
{
    if (jd_is_str(v)) {
        struct chat_message *m = chat_add_message(r->arena, &r->tail, ROLE_USER);
        chat_add_part(r->arena, &m->parts, PART_TEXT)->text = jd_str(v);
        return RC_OK;
    }
    if (!jd_is_obj(v))
        return wrong(r, where, "an object", v);
    jval *parts = jd_get(v, S("parts"));
    if (jd_given(parts) && !jd_is_arr(parts) && !jd_is_obj(parts) && !jd_is_str(parts))
        return wrong(r, arena_fmt(r->arena, "%s.parts", where).p, "an array", parts);
    str role = jd_get_str(v, S("role"));
    r->last = NULL;
    struct chat_message m = { .role = str_ieq(role, S("model"))    ? ROLE_ASSISTANT
                                      : str_ieq(role, S("system")) ? ROLE_SYSTEM
                                                                   : ROLE_USER };
    if (jd_is_arr(parts))
        JD_EACH (p, parts)
            read_part(r, &m, p.value);
    else if (parts)
        read_part(r, &m, parts);
    add_split(r, &m);
    return RC_OK;
}

static rc read_contents(struct reader *r, jval *contents)
{
    if (!jd_given(contents))
        return fail(r->err, E_SYNTAX, "contents", 0, "contents: missing, expected an array");
    if (!jd_is_arr(contents))
        return read_content(r, contents, "contents");
    JD_EACH (m, contents)
        TRY(read_content(r, m.value, arena_fmt(r->arena, "contents[%zu]", m.index).p));
    return RC_OK;
}

static void read_system(struct reader *r, jval *v)
{
    struct chat_message m = { .role = ROLE_SYSTEM };
    r->last = NULL;
    jval *parts = jd_is_obj(v) && jd_get(v, S("parts")) ? jd_get(v, S("parts")) : v;
    if (jd_is_arr(parts))
        JD_EACH (p, parts)
            read_part(r, &m, p.value);
    else if (jd_given(parts))
        read_part(r, &m, parts);
    if (m.parts)
        chat_add_message(r->arena, &r->tail, ROLE_SYSTEM)->parts = m.parts;
}

/* ---- tools ---------------------------------------------------------------------------------- */

static void read_function(struct reader *r, struct chat_tool ***tail, jval *v)
{
    if (jd_get_str(v, S("name")).n == 0)
        return;
    struct chat_tool *t = NEW(r->arena, struct chat_tool, 1);
    t->kind = TOOL_FUNCTION;
    t->origin = DIALECT_GEMINI;
    t->name = jd_get_str(v, S("name"));
    t->description = jd_get_str(v, S("description"));
    t->raw = jd_text(v, r->arena);
    jval *json = gemini_get(v, S("parametersJsonSchema"));
    jval *schema = jd_get(v, S("parameters"));
    if (jd_is_obj(json))
        t->schema = jd_text(json, r->arena);
    else if (jd_is_obj(schema))
        t->schema = gemini_read_schema(schema, r->arena);
    **tail = t;
    *tail = &t->next;
}

/* A tool that Google runs itself, under its camelCase name. */
static void read_own_tool(struct reader *r, struct chat_tool ***tail, str name, jval *v)
{
    if (str_index(name, '"') < name.n || str_index(name, '\\') < name.n)
        return;
    struct chat_tool *t = NEW(r->arena, struct chat_tool, 1);
    t->kind = TOOL_OPAQUE;
    t->origin = DIALECT_GEMINI;
    t->name = arena_dup(r->arena, name);
    struct buf raw; /* the name is the caller's: it is quoted, not pasted */
    struct jw w;
    buf_init(&raw, SIZE_MAX / 4);
    jw_init(&w, &raw);
    jw_obj(&w);
    jw_kval(&w, name, v);
    jw_obj_end(&w);
    t->raw = arena_dup(r->arena, buf_str(&raw));
    buf_done(&raw);
    **tail = t;
    *tail = &t->next;
}

static void read_tool(struct reader *r, struct chat_tool ***tail, jval *v)
{
    char room[GEMINI_NAME_MAX];
    if (!jd_is_obj(v))
        return;
    JD_EACH (m, v) {
        str name = gemini_camel(m.name, room);
        if (!str_eq(name, S("functionDeclarations"))) {
            read_own_tool(r, tail, name, m.value);
            continue;
        }
        JD_EACH (f, m.value)
            read_function(r, tail, f.value);
    }
}

/* Several allowed names: the others are not offered at all, which every vendor can express. */
static void keep_allowed(struct chat_req *req, jval *names)
{
    struct chat_tool **at = &req->tools;
    while (*at) {
        bool allowed = (*at)->kind != TOOL_FUNCTION;
        JD_EACH (m, names)
            allowed = allowed || jd_str_is(m.value, (*at)->name);
        if (allowed)
            at = &(*at)->next;
        else
            *at = (*at)->next;
    }
}

static void read_tool_config(struct reader *r, jval *v)
{
    enum { NAMES_MAX = 128 };
    if (!jd_is_obj(v))
        return;
    add_extra(r, S("toolConfig"), jd_text(v, r->arena));
    jval *calling = gemini_get(v, S("functionCallingConfig"));
    jval *names = gemini_get(calling, S("allowedFunctionNames"));
    str mode = jd_get_str(calling, S("mode"));
    if (str_ieq(mode, S("ANY")))
        r->req->choice = CHOICE_REQUIRED;
    else if (str_ieq(mode, S("NONE")))
        r->req->choice = CHOICE_NONE;
    else if (str_ieq(mode, S("AUTO")) || str_ieq(mode, S("VALIDATED")))
        r->req->choice = CHOICE_AUTO;
    if (jd_count(names) == 1 && r->req->choice == CHOICE_REQUIRED) {
        r->req->choice = CHOICE_NAMED;
        r->req->choice_name = jd_str(jd_at(names, 0));
    } else if (jd_count(names) > 1 && jd_count(names) <= NAMES_MAX) {
        keep_allowed(r->req, names);
    }
}

/* ---- generationConfig ----------------------------------------------------------------------- */

/* Numbers are passed on, of whatever length and size; in a string one must be recognized. The
 * field's own spelling does not matter to the caller's error. */
static rc take_num(struct reader *r, const char *where, jval *v, str *ret)
{
    double number;
    if (!jd_given(v))
        return RC_OK;
    *ret = jd_is_num(v) ? jd_num(v) : jd_str(v);
    return jd_is_num(v) || str_to_double(*ret, &number) ? RC_OK : wrong(r, where, "a number", v);
}

static rc take_i64(struct reader *r, const char *where, jval *v, int64_t *ret)
{
    if (!jd_given(v))
        return RC_OK;
    *ret = gemini_i64(v, CHAT_UNSET);
    return *ret != CHAT_UNSET ? RC_OK : wrong(r, where, "a whole number", v);
}

static rc take_bool(struct reader *r, const char *where, jval *v, enum tri *ret)
{
    if (!jd_given(v))
        return RC_OK;
    if (!jd_is_bool(v))
        return wrong(r, where, "true or false", v);
    *ret = jd_is_true(v) ? TRI_TRUE : TRI_FALSE;
    return RC_OK;
}

static rc take_strings(struct reader *r, const char *where, jval *v, struct chat_str **ret)
{
    if (!jd_given(v))
        return RC_OK;
    if (!jd_is_arr(v))
        return wrong(r, where, "an array of strings", v);
    JD_EACH (m, v) {
        if (!jd_is_str(m.value))
            return wrong(r, where, "an array of strings", m.value);
        *ret = NEW(r->arena, struct chat_str, 1);
        (*ret)->s = jd_str(m.value);
        ret = &(*ret)->next;
    }
    return RC_OK;
}

static rc take_thinking(struct reader *r, jval *v)
{
    struct chat_req *req = r->req;
    if (!jd_given(v))
        return RC_OK;
    if (!jd_is_obj(v))
        return wrong(r, "generationConfig.thinkingConfig", "an object", v);
    TRY(take_bool(r, "generationConfig.thinkingConfig.includeThoughts",
                  gemini_get(v, S("includeThoughts")), &req->show_thinking));
    TRY(take_i64(r, "generationConfig.thinkingConfig.thinkingBudget",
                 gemini_get(v, S("thinkingBudget")), &req->thinking_budget));
    str level = gemini_get_str(v, S("thinkingLevel"));
    static const struct {
        const char *name;
        enum chat_effort effort;
    } levels[] = { { "minimal", EFFORT_MINIMAL },
                   { "low", EFFORT_LOW },
                   { "medium", EFFORT_MEDIUM },
                   { "high", EFFORT_HIGH } };
    for (size_t i = 0; i < COUNT_OF(levels); i++)
        if (str_ieq(level, str_c(levels[i].name)))
            req->effort = levels[i].effort;
    return RC_OK;
}

/* What becomes of a member of generationConfig. Those that only Gemini knows, and those whose
 * neutral form says less, are kept in an extra for Gemini's writer. */
enum field {
    F_KEEP,
    F_TEMPERATURE,
    F_TOP_P,
    F_TOP_K,
    F_PRESENCE,
    F_FREQUENCY,
    F_MAX_TOKENS,
    F_N,
    F_SEED,
    F_TOP_LOGPROBS,
    F_LOGPROBS,
    F_STOP,
    F_MODALITIES,
    F_THINKING,
    F_FORMAT,
};
static const struct {
    const char *name, *where;
    enum field field;
} fields[] = {
    { "temperature", "generationConfig.temperature", F_TEMPERATURE },
    { "topP", "generationConfig.topP", F_TOP_P },
    { "topK", "generationConfig.topK", F_TOP_K },
    { "presencePenalty", "generationConfig.presencePenalty", F_PRESENCE },
    { "frequencyPenalty", "generationConfig.frequencyPenalty", F_FREQUENCY },
    { "maxOutputTokens", "generationConfig.maxOutputTokens", F_MAX_TOKENS },
    { "candidateCount", "generationConfig.candidateCount", F_N },
    { "seed", "generationConfig.seed", F_SEED },
    { "logprobs", "generationConfig.logprobs", F_TOP_LOGPROBS },
    { "responseLogprobs", "generationConfig.responseLogprobs", F_LOGPROBS },
    { "stopSequences", "generationConfig.stopSequences", F_STOP },
    { "responseModalities", "generationConfig.responseModalities", F_MODALITIES },
    { "thinkingConfig", "generationConfig.thinkingConfig", F_THINKING },
    { "responseMimeType", "generationConfig.responseMimeType", F_FORMAT },
    { "responseSchema", "generationConfig.responseSchema", F_FORMAT },
    { "responseJsonSchema", "generationConfig.responseJsonSchema", F_FORMAT },
};

static rc take_field(struct reader *r, enum field field, const char *where, jval *v)
{
    struct chat_req *req = r->req;
    switch (field) {
    case F_TEMPERATURE:
        return take_num(r, where, v, &req->temperature);
    case F_TOP_P:
        return take_num(r, where, v, &req->top_p);
    case F_TOP_K:
        return take_num(r, where, v, &req->top_k);
    case F_PRESENCE:
        return take_num(r, where, v, &req->presence_penalty);
    case F_FREQUENCY:
        return take_num(r, where, v, &req->frequency_penalty);
    case F_MAX_TOKENS:
        return take_i64(r, where, v, &req->max_tokens);
    case F_N:
        return take_i64(r, where, v, &req->n);
    case F_SEED:
        return take_i64(r, where, v, &req->seed);
    case F_TOP_LOGPROBS:
        return take_i64(r, where, v, &req->top_logprobs);
    case F_LOGPROBS:
        return take_bool(r, where, v, &req->logprobs);
    case F_STOP:
        return take_strings(r, where, v, &req->stop);
    case F_MODALITIES:
        return take_strings(r, where, v, &req->modalities);
    case F_THINKING:
        return take_thinking(r, v);
    default:
        return RC_OK;
    }
}

static void take_format(struct reader *r, jval *config)
{
    struct chat_req *req = r->req;
    jval *json = gemini_get(config, S("responseJsonSchema"));
    jval *schema = gemini_get(config, S("responseSchema"));
    str mime = gemini_get_str(config, S("responseMimeType"));
    if (str_ieq(mime, S("text/plain")))
        req->format = FORMAT_TEXT;
    if (!str_ieq(mime, S("application/json")))
        return;
    req->format = FORMAT_JSON;
    if (jd_is_obj(json))
        req->schema = jd_text(json, r->arena);
    else if (jd_is_obj(schema))
        req->schema = gemini_read_schema(schema, r->arena);
    if (req->schema.n)
        req->format = FORMAT_SCHEMA;
}

static rc read_config(struct reader *r, jval *config)
{
    if (!jd_given(config))
        return RC_OK;
    if (!jd_is_obj(config))
        return wrong(r, "generationConfig", "an object", config);
    struct buf kept;
    struct jw w;
    buf_init(&kept, (size_t)64 << 20);
    jw_init(&w, &kept);
    jw_obj(&w);
    rc result = RC_OK;
    JD_EACH (m, config) {
        char room[GEMINI_NAME_MAX];
        str name = gemini_camel(m.name, room);
        enum field field = F_KEEP;
        const char *where = "generationConfig";
        for (size_t i = 0; i < COUNT_OF(fields); i++)
            if (str_eq(name, str_c(fields[i].name))) {
                field = fields[i].field;
                where = fields[i].where;
            }
        result = take_field(r, field, where, m.value);
        if (FAILED(result))
            break;
        if ((field == F_KEEP || field == F_FORMAT || field == F_THINKING) && jd_given(m.value))
            jw_kval(&w, name, m.value);
    }
    if (!FAILED(result)) {
        jw_obj_end(&w);
        take_format(r, config);
        if (kept.n > 2 && !kept.full)
            add_extra(r, S("generationConfig"), arena_dup(r->arena, buf_str(&kept)));
    }
    buf_done(&kept);
    return result;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void read_members(struct reader *r, jval *body)
{
    static const char *const known[] = { "contents",
                                         "tools",
                                         "systemInstruction",
                                         "toolConfig",
                                         "generationConfig",
                                         "serviceTier",
                                         "model",
                                         "stream",
                                         NULL };
    JD_EACH (m, body) {
        char room[GEMINI_NAME_MAX];
        str name = gemini_camel(m.name, room);
        if (jd_given(m.value) && !str_among(name, known))
            add_extra(r, name, jd_text(m.value, r->arena));
    }
}

static str plain_model(str model)
{
    return str_starts(model, S("models/")) ? str_skip(model, 7) : model;
}

rc gemini_read_chat(struct chat_req *ret, jval *body, const struct dialect_path *path,
                    struct arena *a, struct err *e)
{
    chat_req_init(ret, DIALECT_GEMINI);
    struct reader r = { ret, a, e, &ret->messages, &ret->extras, NULL, 0 };
    if (!jd_is_obj(body))
        return wrong(&r, "body", "an object", body);
    ret->model = plain_model(path && path->model.n ? path->model : jd_get_str(body, S("model")));
    ret->stream = path && path->stream;
    ret->service_tier = gemini_get_str(body, S("serviceTier"));
    read_system(&r, gemini_get(body, S("systemInstruction")));
    TRY(read_contents(&r, jd_get(body, S("contents"))));
    jval *tools = jd_get(body, S("tools"));
    struct chat_tool **tail = &ret->tools;
    if (jd_given(tools) && !jd_is_arr(tools) && !jd_is_obj(tools))
        return wrong(&r, "tools", "an array", tools);
    if (jd_is_arr(tools))
        JD_EACH (m, tools)
            read_tool(&r, &tail, m.value);
    else
        read_tool(&r, &tail, tools);
    read_tool_config(&r, gemini_get(body, S("toolConfig")));
    TRY(read_config(&r, gemini_get(body, S("generationConfig"))));
    read_members(&r, body);
    chat_link_results(ret, a);
    return RC_OK;
}
