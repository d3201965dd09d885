/* mock_log.c - the last requests, for tests that look at what a gateway sent.
 */
#include "cli/mock.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "json/scan.h"

enum { KEPT = 256, COUNTERS_MAX = 4096 };

struct entry {
    uint64_t number;
    uint64_t at_ms;
    struct buf text; /* "METHOD TARGET" NUL fields as JSON */
    size_t line_n;
    struct buf body;
    unsigned status;
    bool aborted;
};

struct counter {
    str key;
    uint64_t n;
};

struct mock_log {
    uv_mutex_t lock;
    struct entry ring[KEPT];
    uint64_t requests, aborted, accepted;
    int64_t open;
    struct map counters;
    struct arena arena; /* of their keys */
};

struct mock_log *mock_log_new(void)
{
    struct mock_log *l = mem_zalloc(sizeof(*l));
    uv_mutex_init(&l->lock);
    for (size_t i = 0; i < KEPT; i++) {
        buf_init(&l->ring[i].text, 1 << 20);
        buf_init(&l->ring[i].body, SIZE_MAX / 4);
    }
    map_init(&l->counters);
    arena_init(&l->arena);
    return l;
}

uint64_t mock_log_add(struct mock_log *l, struct mock_request *rq, unsigned status)
{
    uv_mutex_lock(&l->lock);
    uint64_t number = ++l->requests;
    struct entry *en = &l->ring[number % KEPT];
    struct buf body = en->body;
    buf_clear(&body);
    body.max = rq->body.max;
    en->body = rq->body;
    rq->body = body;
    buf_clear(&en->text);
    buf_add(&en->text, rq->method);
    buf_chr(&en->text, ' ');
    buf_add(&en->text, rq->target);
    en->line_n = en->text.n;
    buf_add(&en->text, rq->head);
    en->number = number;
    en->at_ms = clock_mono_ns() / 1000000;
    en->status = status;
    en->aborted = false;
    uv_mutex_unlock(&l->lock);
    return number;
}

void mock_log_aborted(struct mock_log *l, uint64_t number)
{
    uv_mutex_lock(&l->lock);
    l->aborted++;
    if (l->ring[number % KEPT].number == number)
        l->ring[number % KEPT].aborted = true;
    uv_mutex_unlock(&l->lock);
}

void mock_log_connection(struct mock_log *l, int change)
{
    uv_mutex_lock(&l->lock);
    l->open += change;
    l->accepted += change > 0;
    uv_mutex_unlock(&l->lock);
}

void mock_log_clear(struct mock_log *l)
{
    uv_mutex_lock(&l->lock);
    for (size_t i = 0; i < KEPT; i++)
        l->ring[i].number = 0;
    map_done(&l->counters);
    map_init(&l->counters);
    arena_done(&l->arena);
    uv_mutex_unlock(&l->lock);
}

uint64_t mock_log_count(struct mock_log *l, str key)
{
    uv_mutex_lock(&l->lock);
    struct counter *c = map_get(&l->counters, key);
    if (!c && l->counters.n < COUNTERS_MAX) {
        c = NEW(&l->arena, struct counter, 1);
        c->key = arena_dup(&l->arena, key);
        map_put(&l->counters, c->key, c);
    }
    uint64_t before = c ? c->n++ : 0;
    uv_mutex_unlock(&l->lock);
    return before;
}

static str show_entry(const struct entry *en, struct arena *a)
{
    enum json_kind top;
    str line = str_take(buf_str(&en->text), en->line_n);
    str method = str_cut(&line, ' ');
    str body = buf_str(&en->body);
    bool json = body.n && !FAILED(json_scan(body, NULL, 0, &top, NULL));
    str head = str_skip(buf_str(&en->text), en->line_n);
    return mock_json(a,
                     "{'number':%llu,'at_ms':%llu,'method':%.*s,'path':%.*s,'headers':%.*s,"
                     "'status':%u,'aborted':%s,'body':%.*s}",
                     (unsigned long long)en->number, (unsigned long long)en->at_ms,
                     STRF(mock_quote(a, method)), STRF(mock_quote(a, line)),
                     STRF(head.n ? head : S("{}")), en->status, en->aborted ? "true" : "false",
                     STRF(json ? body : mock_quote(a, body)));
}

str mock_log_show(struct mock_log *l, struct arena *a)
{
    struct buf b;
    bool some = false;
    buf_init(&b, SIZE_MAX / 4);
    buf_add(&b, S("{\"requests\":["));
    uv_mutex_lock(&l->lock);
    uint64_t first = l->requests > KEPT ? l->requests - KEPT + 1 : 1;
    for (uint64_t n = first; n <= l->requests; n++) {
        if (l->ring[n % KEPT].number != n)
            continue;
        if (some)
            buf_chr(&b, ',');
        some = true;
        buf_add(&b, show_entry(&l->ring[n % KEPT], a));
    }
    uv_mutex_unlock(&l->lock);
    buf_add(&b, S("]}"));
    str text = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return text;
}

str mock_log_stats(struct mock_log *l, struct arena *a)
{
    uv_mutex_lock(&l->lock);
    str text =
        mock_json(a, "{'requests':%llu,'aborted':%llu,'connections':{'accepted':%llu,'open':%lld}}",
                  (unsigned long long)l->requests, (unsigned long long)l->aborted,
                  (unsigned long long)l->accepted, (long long)l->open);
    uv_mutex_unlock(&l->lock);
    return text;
}
