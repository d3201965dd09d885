#include "server/access_log.h"

#include <unistd.h>

#include "json/write.h"

enum { LINES_BYTES = 32 * 1024, LINES_BYTES_MAX = 1024 * 1024 };

void access_log_init(struct access_log *l, struct worker *w, enum access_format format, int fd)
{
    *l = (struct access_log){ .worker = w, .format = format, .fd = fd };
    buf_init(&l->lines, LINES_BYTES_MAX);
}

static void flush_lines(struct access_log *l)
{
    str s = buf_str(&l->lines);
    while (s.n) {
        ssize_t n = write(l->fd, s.p, s.n);
        if (n <= 0)
            break; /* a full or closed pipe: lines are lost, requests are not */
        s = str_skip(s, (size_t)n);
    }
    buf_clear(&l->lines);
}

static void flush_fired(struct deadline *d)
{
    flush_lines(CONTAINER_OF(d, struct access_log, flush));
}

void access_log_done(struct access_log *l)
{
    deadline_clear(&l->worker->deadlines, &l->flush);
    flush_lines(l);
    buf_done(&l->lines);
}

/* Dollars with nine decimals, from integer nano-dollars: never through floating point. */
static void add_cost(struct buf *b, int64_t nanousd)
{
    buf_fixed(b, (uint64_t)nanousd, 9);
}

static void add_ms(struct buf *b, int64_t us)
{
    buf_fixed(b, (uint64_t)us, 3);
}

static bool plain(char c)
{
    return (unsigned char)c > 0x20 && c != 0x7f;
}

/* Text from outside as one word: controls and blanks become '?'. */
static void add_word(struct buf *b, str s)
{
    size_t i = 0;
    while (i < s.n) {
        size_t from = i;
        while (i < s.n && plain(s.p[i]))
            i++;
        buf_add(b, (str){ s.p + from, i - from });
        if (i < s.n) {
            buf_chr(b, '?');
            i++;
        }
    }
}

static void word(struct buf *b, str key, str value)
{
    if (value.n == 0)
        return;
    buf_add(b, key);
    add_word(b, value);
}

static void number(struct buf *b, str key, int64_t v)
{
    if (v < 0)
        return;
    buf_add(b, key);
    buf_i64(b, v);
}

/* The time as clock_iso writes it; only the milliseconds change within a second. */
static str stamp(struct access_log *l, int64_t wall_ms)
{
    int64_t second = wall_ms / 1000;
    int ms = (int)(wall_ms % 1000);
    if (second != l->second || !l->stamp[0])
        clock_iso(wall_ms, l->stamp);
    l->second = second;
    l->stamp[20] = (char)('0' + ms / 100);
    l->stamp[21] = (char)('0' + ms / 10 % 10);
    l->stamp[22] = (char)('0' + ms % 10);
    return (str){ l->stamp, CLOCK_ISO_BYTES - 1 };
}

static void add_text(struct access_log *l, const struct access_record *r)
{
    struct buf *b = &l->lines;
    buf_add(b, stamp(l, r->wall_ms));
    buf_chr(b, ' ');
    add_word(b, r->method);
    buf_chr(b, ' ');
    add_word(b, r->path);
    buf_chr(b, ' ');
    buf_u64(b, r->status);
    buf_chr(b, ' ');
    add_ms(b, r->duration_us);
    buf_add(b, S("ms"));
    word(b, S(" model="), r->model);
    word(b, S(" upstream="), r->provider);
    if (r->upstream_model.n) {
        buf_chr(b, '/');
        add_word(b, r->upstream_model);
    }
    if (r->stream)
        buf_add(b, S(" stream"));
    number(b, S(" prompt="), r->prompt_tokens);
    number(b, S(" completion="), r->completion_tokens);
    if (r->cost_nanousd >= 0) {
        buf_add(b, S(" cost="));
        add_cost(b, r->cost_nanousd);
    }
    if (r->attempts > 1)
        number(b, S(" attempts="), r->attempts);
    if (r->fallbacks)
        number(b, S(" fallbacks="), r->fallbacks);
    if (r->first_us >= 0) {
        buf_add(b, S(" first="));
        add_ms(b, r->first_us);
        buf_add(b, S("ms"));
    }
    if (r->state)
        word(b, S(" ended="), str_c(r->state));
    word(b, S(" client="), r->client);
    if (r->id.n) {
        buf_add(b, S(" id="));
        buf_add(b, r->id); /* our own: nothing to clean */
    }
    if (r->error.n) {
        buf_add(b, S(" error=\""));
        json_escape(b, str_take(r->error, 300));
        buf_chr(b, '"');
    }
    buf_chr(b, '\n');
}

static void json_word(struct jw *j, str key, str value)
{
    if (value.n) {
        jw_key(j, key);
        jw_str(j, value);
    }
}

static void json_number(struct jw *j, str key, int64_t v)
{
    if (v >= 0) {
        jw_key(j, key);
        jw_i64(j, v);
    }
}

static void add_json(struct access_log *l, const struct access_record *r)
{
    struct buf *b = &l->lines;
    struct jw j;
    jw_init(&j, b);
    jw_obj(&j);
    json_word(&j, S("time"), stamp(l, r->wall_ms));
    json_word(&j, S("id"), r->id);
    json_word(&j, S("method"), r->method);
    json_word(&j, S("path"), r->path);
    json_number(&j, S("status"), r->status);
    json_number(&j, S("duration_us"), r->duration_us);
    json_number(&j, S("first_us"), r->first_us);
    json_number(&j, S("upstream_us"), r->upstream_us);
    json_word(&j, S("model"), r->model);
    json_word(&j, S("model_group"), r->group);
    json_word(&j, S("provider"), r->provider);
    json_word(&j, S("upstream_model"), r->upstream_model);
    json_word(&j, S("model_id"), r->deployment);
    jw_key(&j, S("stream"));
    jw_bool(&j, r->stream);
    json_number(&j, S("prompt_tokens"), r->prompt_tokens);
    json_number(&j, S("completion_tokens"), r->completion_tokens);
    json_number(&j, S("cached_tokens"), r->cached_tokens);
    json_number(&j, S("reasoning_tokens"), r->reasoning_tokens);
    if (r->cost_nanousd >= 0) {
        jw_key(&j, S("cost"));
        struct buf cost;
        buf_init(&cost, 64);
        add_cost(&cost, r->cost_nanousd);
        jw_raw(&j, buf_str(&cost));
        buf_done(&cost);
    }
    json_number(&j, S("attempts"), r->attempts);
    json_number(&j, S("fallbacks"), r->fallbacks);
    json_number(&j, S("bytes_in"), (int64_t)r->bytes_in);
    json_number(&j, S("bytes_out"), (int64_t)r->bytes_out);
    if (r->state)
        json_word(&j, S("ended"), str_c(r->state));
    json_word(&j, S("client"), r->client);
    json_word(&j, S("error"), str_take(r->error, 300));
    jw_obj_end(&j);
    buf_chr(b, '\n');
}

void access_log_add(struct access_log *l, const struct access_record *r)
{
    if (l->format == ACCESS_OFF)
        return;
    if (l->format == ACCESS_JSON)
        add_json(l, r);
    else
        add_text(l, r);
    if (l->lines.n >= LINES_BYTES)
        flush_lines(l);
    else if (!deadline_is_set(&l->flush))
        deadline_set(&l->worker->deadlines, &l->flush, ACCESS_LOG_MS, flush_fired);
}
