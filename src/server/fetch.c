#include "server/fetch.h"

#include "base/base64.h"
#include "http/url.h"
#include "net/client.h"

enum { REDIRECTS_MAX = 3, URL_BYTES_MAX = 8192 };

struct item {
    struct fetch *fetch;
    struct fetched *got;
    const char *where; /* what the client calls it */
    struct client_call call;
    struct client_request request;
    struct origin origin;
    struct url url;
    str type; /* Content-Type */
    struct buf body;
    uint8_t hops;
    bool over;
};

struct fetch {
    struct client *client; /* our own: hosts that clients choose leave nothing in the worker's */
    struct worker *worker;
    struct arena *arena;
    struct fetch_rules rules;
    struct deadline deadline;
    struct item *items;
    unsigned nitems, nopen;
    size_t bytes;
    struct fetched **have;
    void (*done)(void *arg, rc result, const struct err *err);
    void *arg;
    rc result;
    struct err err;
};

/* ---- which parts ---------------------------------------------------------------------------- */

static const struct fetched *find(const struct fetched *have, str url)
{
    for (; have; have = have->next)
        if (str_eq(have->url, url))
            return have;
    return NULL;
}

/* Calls each for every part whose URL `out` cannot send on; false: each said to stop. */
static bool walk_parts(struct chat_part *p, const struct dialect *out,
                       bool (*each)(struct chat_part *p, void *arg), void *arg)
{
    for (; p; p = p->next) {
        bool is_media = p->kind == PART_IMAGE || p->kind == PART_AUDIO || p->kind == PART_VIDEO ||
                        p->kind == PART_FILE;
        if (p->kind == PART_TOOL_RESULT && !walk_parts(p->result.content, out, each, arg))
            return false;
        if (is_media && p->media.url.n && !p->media.data.n && out->needs_bytes(p) && !each(p, arg))
            return false;
    }
    return true;
}

static void walk(const struct chat_req *r, const struct dialect *out,
                 bool (*each)(struct chat_part *p, void *arg), void *arg)
{
    if (!out->needs_bytes || r->origin == out->id)
        return;
    for (const struct chat_message *m = r->messages; m; m = m->next)
        if (!walk_parts(m->parts, out, each, arg))
            return;
}

struct asking {
    const struct fetched *have;
    bool missing;
};

static bool is_there(struct chat_part *p, void *arg)
{
    struct asking *q = arg;
    q->missing = !find(q->have, p->media.url);
    return !q->missing;
}

bool fetch_needed(const struct chat_req *r, const struct dialect *out, const struct fetched *have)
{
    struct asking q = { .have = have };
    walk(r, out, is_there, &q);
    return q.missing;
}

static bool fill(struct chat_part *p, void *arg)
{
    const struct fetched *got = find(arg, p->media.url);
    if (got) {
        p->media.data = got->data;
        p->media.mime = got->mime;
        p->media.url = (str){ 0 };
    }
    return true;
}

void fetch_fill(struct chat_req *r, const struct dialect *out, const struct fetched *have)
{
    if (have)
        walk(r, out, fill, (void *)(uintptr_t)have);
}

/* ---- what may be fetched, and what may come -------------------------------------------------- */

bool fetch_host_listed(const struct chat_str *hosts, str host, uint16_t port)
{
    for (; hosts; hosts = hosts->next) {
        str name = str_trim(hosts->s);
        uint64_t only = port;
        size_t colon = str_rindex(name, ':');
        bool bracket = name.n && name.p[name.n - 1] == ']';
        if (colon < name.n && !bracket &&
            (str_index(name, ':') == colon || name.p[0] == '[')) { /* not a bare IPv6 address */
            if (!str_to_u64(str_skip(name, colon + 1), &only))
                continue;
            name = str_take(name, colon);
        }
        if (name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']')
            name = str_take(str_skip(name, 1), name.n - 2);
        if (str_ieq(name, host) && only == port)
            return true;
    }
    return false;
}

static const struct {
    uint8_t at;
    const char *bytes, *mime;
} magic[] = {
    { 0, "\x89PNG\r\n\x1a\n", "image/png" },
    { 0, "\xff\xd8\xff", "image/jpeg" },
    { 0, "GIF87a", "image/gif" },
    { 0, "GIF89a", "image/gif" },
    { 8, "WEBP", "image/webp" },
    { 0, "%PDF-", "application/pdf" },
    { 8, "WAVE", "audio/wav" },
    { 0, "ID3", "audio/mpeg" },
    { 0, "\xff\xfb", "audio/mpeg" },
    { 0, "OggS", "audio/ogg" },
    { 0, "fLaC", "audio/flac" },
};

str fetch_sniff(str bytes)
{
    for (size_t i = 0; i < COUNT_OF(magic); i++)
        if (str_starts(str_skip(bytes, magic[i].at), str_c(magic[i].bytes)) &&
            (magic[i].at == 0 || str_starts(bytes, S("RIFF"))))
            return str_c(magic[i].mime);
    return (str){ 0 };
}

/* The type to name to the vendor: vendors look at the bytes, so these have the first word. */
static str type_of(const struct item *it)
{
    str seen = fetch_sniff(buf_str(&it->body));
    str said = str_trim(str_take(it->type, str_index(it->type, ';')));
    if (seen.n)
        return seen;
    if (str_istarts(said, S("image/")) || str_istarts(said, S("audio/")) ||
        str_istarts(said, S("video/")) || str_ieq(said, S("application/pdf")))
        return said;
    return (str){ 0 };
}

/* ---- ending --------------------------------------------------------------------------------- */

static void cleanup(struct fetch *f)
{
    deadline_clear(&f->worker->deadlines, &f->deadline);
    for (unsigned i = 0; i < f->nitems; i++) {
        if (!f->items[i].over)
            client_cancel(&f->items[i].call);
        f->items[i].over = true;
        buf_done(&f->items[i].body);
    }
    client_free(f->client);
    f->client = NULL;
}

void fetch_cancel(struct fetch *f)
{
    cleanup(f);
}

static void finish(struct deadline *d)
{
    struct fetch *f = CONTAINER_OF(d, struct fetch, deadline);
    cleanup(f);
    f->done(f->arg, f->result, &f->err);
}

/* From a callback of the client: it is freed a moment later, when we are out of it. */
static void finish_soon(struct fetch *f)
{
    deadline_set(&f->worker->deadlines, &f->deadline, 0, finish);
}

static void give_up(struct item *it, enum code code, const char *what)
{
    struct fetch *f = it->fetch;
    if (!FAILED(f->result))
        f->result = fail(&f->err, code, it->where, 0, "%s: cannot fetch from %.*s: %s", it->where,
                         STRF(str_take(it->url.host, 100)), what);
    for (unsigned i = 0; i < f->nitems; i++) {
        if (!f->items[i].over)
            client_cancel(&f->items[i].call);
        f->items[i].over = true;
    }
    finish_soon(f);
}

static void timed_out(struct deadline *d)
{
    struct fetch *f = CONTAINER_OF(d, struct fetch, deadline);
    for (unsigned i = 0; i < f->nitems; i++)
        if (!f->items[i].over) {
            give_up(&f->items[i], E_TIMEOUT, "it did not answer in time");
            return;
        }
}

/* ---- one URL -------------------------------------------------------------------------------- */

static const struct client_ops ops;

static rc aim(struct item *it, str url, struct err *e)
{
    struct fetch *f = it->fetch;
    struct err why = { 0 };
    if (url.n > URL_BYTES_MAX)
        return fail(e, E_LIMIT, it->where, 0, "%s: the URL is too long", it->where);
    if (!str_istarts(url, S("http://")) && !str_istarts(url, S("https://")))
        return fail(e, E_SYNTAX, it->where, 0,
                    "%s: only http and https URLs can be fetched for this model, not %.*s",
                    it->where, STRF(str_take(url, 60)));
    if (FAILED(url_parse(str_take(url, str_index(url, '#')), &it->url, &why)))
        return fail(e, E_SYNTAX, it->where, 0, "%s: not a URL that can be fetched: %s", it->where,
                    why.text);
    const struct url *u = &it->url;
    it->origin = (struct origin){
        .host = u->host,
        .port = u->port,
        .tls = u->tls,
        .public_only =
            !f->rules.any_host && !fetch_host_listed(f->rules.allowed_hosts, u->host, u->port),
        .hash = origin_hash(u->host, u->port, u->tls),
    };
    it->request = (struct client_request){ .origin = &it->origin,
                                           .npieces = 1,
                                           .connect_ms = f->rules.timeout_ms };
    it->request.pieces[0] =
        arena_fmt(f->arena,
                  "GET %s%.*s%s%.*s HTTP/1.1\r\nhost: %.*s\r\naccept: */*\r\nuser-agent: sluice/%s"
                  "\r\nconnection: close\r\n\r\n",
                  u->path.n ? "" : "/", STRF(u->path), u->has_query ? "?" : "", STRF(u->query),
                  STRF(u->authority), SLUICE_VERSION);
    return RC_OK;
}

static void follow(struct item *it, str to)
{
    struct fetch *f = it->fetch;
    const char *scheme = it->url.tls ? "https" : "http";
    struct err e = { 0 };
    client_cancel(&it->call);
    it->over = true;
    if (it->hops++ == REDIRECTS_MAX) {
        give_up(it, E_SYNTAX, "it redirects too often");
        return;
    }
    if (str_starts(to, S("//")))
        to = arena_fmt(f->arena, "%s:%.*s", scheme, STRF(to));
    else if (str_starts(to, S("/")))
        to = arena_fmt(f->arena, "%s://%.*s%.*s", scheme, STRF(it->url.authority), STRF(to));
    else
        to = arena_dup(f->arena, to);
    if (FAILED(aim(it, to, &e))) {
        give_up(it, E_SYNTAX, "it redirects to something that is no http URL");
        return;
    }
    it->over = false;
    client_start(f->client, &it->call, &it->request, &ops);
}

static void on_head(struct client_call *c, const struct http_head *head)
{
    struct item *it = CONTAINER_OF(c, struct item, call);
    struct fetch *f = it->fetch;
    str to = http_field_get(head, S("location"));
    unsigned status = head->status;
    if ((status == 301 || status == 302 || status == 303 || status == 307 || status == 308) &&
        to.n) {
        follow(it, to);
        return;
    }
    if (status != 200) {
        give_up(it, E_SYNTAX, arena_fmt(f->arena, "it answered with HTTP %u", status).p);
        return;
    }
    str coding = http_field_get(head, S("content-encoding"));
    if (coding.n && !str_ieq(coding, S("identity"))) {
        give_up(it, E_SYNTAX, "it sent compressed bytes unasked");
        return;
    }
    if (head->content_length > 0 &&
        (uint64_t)head->content_length > f->rules.bytes_max - f->bytes) {
        give_up(it, E_LIMIT, "it is larger than the limit");
        return;
    }
    it->type = arena_dup(f->arena, http_field_get(head, S("content-type")));
}

static void on_body(struct client_call *c, str bytes)
{
    struct item *it = CONTAINER_OF(c, struct item, call);
    struct fetch *f = it->fetch;
    if (bytes.n > f->rules.bytes_max - f->bytes) {
        give_up(it, E_LIMIT, "it is larger than the limit");
        return;
    }
    f->bytes += bytes.n;
    buf_add(&it->body, bytes);
}

static void on_end(struct client_call *c)
{
    struct item *it = CONTAINER_OF(c, struct item, call);
    struct fetch *f = it->fetch;
    it->over = true;
    str mime = type_of(it);
    if (it->body.n == 0 || !mime.n) {
        give_up(it, E_SYNTAX,
                it->body.n == 0
                    ? "it sent nothing"
                    : arena_fmt(
                          f->arena, "it sent %.*s, not a picture, a sound, a video or a PDF",
                          STRF(it->type.n ? str_take(it->type, 60) : S("something without a type")))
                          .p);
        return;
    }
    size_t room = it->body.n / 3 * 4 + 8;
    struct buf coded;
    buf_init(&coded, room);
    buf_lend(&coded, arena_raw(f->arena, room), room);
    base64_add(&coded, buf_str(&it->body));
    it->got->data = buf_str(&coded);
    it->got->mime = arena_dup(f->arena, mime);
    buf_done(&it->body);
    it->got->next = *f->have;
    *f->have = it->got;
    if (--f->nopen == 0)
        finish_soon(f);
}

static void on_fail(struct client_call *c, enum client_fail why, const struct err *err)
{
    struct item *it = CONTAINER_OF(c, struct item, call);
    it->over = true;
    if (why == CLIENT_FAIL_FORBIDDEN)
        give_up(it, E_SYNTAX,
                "not an address of the public Internet (an operator can allow the host in "
                "litellm_settings.user_url_allowed_hosts)");
    else
        give_up(it, E_SYNTAX, err->text);
}

static const struct client_ops ops = {
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
    .on_fail = on_fail,
};

/* ---- all of them ---------------------------------------------------------------------------- */

struct gathering {
    struct fetch *f;
    rc result;
    struct err *e;
};

static const char *name_of(const struct chat_part *p)
{
    return p->kind == PART_IMAGE   ? "image_url"
           : p->kind == PART_AUDIO ? "input_audio"
           : p->kind == PART_VIDEO ? "video_url"
                                   : "file";
}

static bool gather(struct chat_part *p, void *arg)
{
    struct gathering *g = arg;
    struct fetch *f = g->f;
    if (find(*f->have, p->media.url))
        return true;
    for (unsigned i = 0; i < f->nitems; i++)
        if (str_eq(f->items[i].got->url, p->media.url))
            return true;
    if (f->nitems == FETCH_URLS_MAX) {
        g->result =
            fail(g->e, E_SYNTAX, name_of(p), 0, "%s: more than %d URLs would have to be fetched",
                 name_of(p), FETCH_URLS_MAX);
        return false;
    }
    struct item *it = &f->items[f->nitems];
    *it = (struct item){ .fetch = f, .where = name_of(p) };
    it->got = NEW(f->arena, struct fetched, 1);
    it->got->url = arena_dup(f->arena, p->media.url);
    g->result = aim(it, it->got->url, g->e);
    if (FAILED(g->result))
        return false;
    buf_init(&it->body, f->rules.bytes_max);
    f->nitems++;
    return true;
}

struct fetch *fetch_start(struct worker *w, const struct chat_req *r, const struct dialect *out,
                          const struct fetch_rules *rules, struct fetched **have, struct arena *a,
                          void (*done)(void *arg, rc result, const struct err *err), void *arg,
                          struct err *e)
{
    static const struct client_limits limits = { .idle_ms = 1, .idle_max = 1 };
    struct fetch *f = NEW(a, struct fetch, 1);
    struct gathering g = { .f = f, .e = e };
    *f = (struct fetch){
        .worker = w, .arena = a, .rules = *rules, .have = have, .done = done, .arg = arg
    };
    f->items = NEW(a, struct item, FETCH_URLS_MAX);
    walk(r, out, gather, &g);
    if (FAILED(g.result))
        return NULL;
    f->client = client_new(w, &limits);
    f->nopen = f->nitems;
    deadline_set(&w->deadlines, &f->deadline, rules->timeout_ms, timed_out);
    for (unsigned i = 0; i < f->nitems; i++)
        client_start(f->client, &f->items[i].call, &f->items[i].request, &ops);
    return f;
}
