#include "ledger/prices.h"

#include "ledger/prices_table.h"

/* ---- decimal texts -------------------------------------------------------------------------- */

/* text times 10^scale, rounded half up. Integers all the way: "8e-6" is exactly 8000000 at 12. */
static bool scaled(str text, int scale, int64_t *ret)
{
    uint64_t digits = 0;
    int64_t exponent = scale;
    size_t i = 0, seen = 0;
    bool point = false;
    if (i < text.n && text.p[i] == '+')
        i++;
    for (; i < text.n; i++) {
        char c = text.p[i];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9')
            break;
        seen++;
        if (digits > (UINT64_MAX - 9) / 10) { /* far past what matters: dropped digits */
            exponent += !point;
            continue;
        }
        digits = digits * 10 + (uint64_t)(c - '0');
        exponent -= point;
    }
    if (!seen)
        return false;
    if (i < text.n) {
        uint64_t e;
        str rest = str_skip(text, i + 1);
        bool minus = rest.n && rest.p[0] == '-';
        if ((text.p[i] | 0x20) != 'e')
            return false;
        if (rest.n && (rest.p[0] == '-' || rest.p[0] == '+'))
            rest = str_skip(rest, 1);
        if (!str_to_u64(rest, &e) || e > 1000)
            return false;
        exponent += minus ? -(int64_t)e : (int64_t)e;
    }
    for (; exponent > 0 && digits; exponent--)
        if (__builtin_mul_overflow(digits, (uint64_t)10, &digits))
            return false;
    unsigned last = 0;
    for (; exponent < 0 && (digits || last); exponent++) {
        last = (unsigned)(digits % 10);
        digits /= 10;
    }
    digits += last >= 5;
    if (digits > INT64_MAX)
        return false;
    *ret = (int64_t)digits;
    return true;
}

bool price_parse(str dollars_per_token, int64_t *ret)
{
    return scaled(dollars_per_token, 15, ret); /* dollars a token = 1e15 nano-dollars a million */
}

/* ---- keys of a configuration ---------------------------------------------------------------- */

bool price_set(struct price *p, str key, str value)
{
    static const struct {
        const char *name;
        size_t offset;
    } keys[] = {
        { "input_cost_per_token", offsetof(struct price, input) },
        { "output_cost_per_token", offsetof(struct price, output) },
        { "cache_read_input_token_cost", offsetof(struct price, cache_read) },
        { "input_cost_per_token_cache_hit", offsetof(struct price, cache_read) },
        { "cache_creation_input_token_cost", offsetof(struct price, cache_write) },
        { "cache_creation_input_token_cost_above_1hr", offsetof(struct price, cache_write_1h) },
        { "output_cost_per_reasoning_token", offsetof(struct price, reasoning) },
        { "input_cost_per_audio_token", offsetof(struct price, audio_in) },
        { "output_cost_per_audio_token", offsetof(struct price, audio_out) },
    };
    static const struct {
        const char *name;
        size_t offset;
    } tiers[] = {
        { "input_cost_per_token", offsetof(struct price, tier_input) },
        { "output_cost_per_token", offsetof(struct price, tier_output) },
        { "cache_read_input_token_cost", offsetof(struct price, tier_cache_read) },
        { "cache_creation_input_token_cost", offsetof(struct price, tier_cache_write) },
    };
    int64_t v;
    if (str_eq(key, S("input_cost_per_request")))
        return scaled(value, 9, &p->request);
    if (!price_parse(value, &v))
        return false;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (str_eq(key, str_c(keys[i].name))) {
            *(int64_t *)(void *)((char *)p + keys[i].offset) = v;
            return true;
        }
    }
    for (size_t i = 0; i < COUNT_OF(tiers); i++) {
        str base = str_c(tiers[i].name), rest = str_skip(key, base.n);
        uint64_t limit;
        if (!str_starts(key, base) || !str_starts(rest, S("_above_")) ||
            !str_ends(rest, S("k_tokens")) || rest.n < 15)
            continue;
        if (!str_to_u64((str){ rest.p + 7, rest.n - 15 }, &limit) || limit > 1000000)
            return false;
        p->tier_above = (int64_t)limit * 1000;
        *(int64_t *)(void *)((char *)p + tiers[i].offset) = v;
        return true;
    }
    return false;
}

/* ---- the table ------------------------------------------------------------------------------ */

static int compare(str a, const char *b)
{
    str s = str_c(b);
    size_t n = a.n < s.n ? a.n : s.n;
    int c = n ? memcmp(a.p, s.p, n) : 0;
    return c ? c : (a.n > s.n) - (a.n < s.n);
}

/* The first row of that model, or price_nrows. */
static size_t first_row(str model)
{
    size_t low = 0, high = price_nrows;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (compare(model, price_rows[mid].model) > 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < price_nrows && compare(model, price_rows[low].model) == 0 ? low : price_nrows;
}

static const struct price_row *row_of(str provider, str model)
{
    const struct price_row *any = NULL;
    for (size_t i = first_row(model); i < price_nrows; i++) {
        const struct price_row *r = &price_rows[i];
        if (compare(model, r->model) != 0)
            break;
        if (str_eq(provider, str_c(r->provider)))
            return r;
        if (!r->only && !any)
            any = r;
    }
    return any;
}

static bool all_digits(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

/* "gpt-4o-2024-08-06", "claude-opus-4-1-20250805", "gemini-2.0-flash-001", "x-latest" without their
 * ends; the same str if there is none. */
static str undated(str model)
{
    size_t dash = str_rindex(model, '-');
    str last = str_skip(model, dash + 1);
    if (dash == model.n)
        return model;
    if (str_eq(last, S("latest")) || str_eq(last, S("preview")) ||
        ((last.n == 8 || last.n == 3) && all_digits(last)))
        return str_take(model, dash);
    if (model.n > 11 && last.n == 2 && all_digits(last)) {
        str date = str_skip(model, model.n - 10);
        if (all_digits(str_take(date, 4)) && date.p[4] == '-' && date.p[7] == '-' &&
            all_digits((str){ date.p + 5, 2 }) && date.p[-1] == '-')
            return str_take(model, model.n - 11);
    }
    return model;
}

bool price_find(str provider, str model, struct price *ret)
{
    if (str_eq(provider, S("cohere_chat")))
        provider = S("cohere");
    const struct price_row *r = row_of(provider, model);
    if (!r)
        r = row_of(provider, undated(model));
    if (!r)
        return false;
    int64_t v[PRICE_COLUMNS];
    for (size_t i = 0; i < PRICE_COLUMNS; i++)
        v[i] = r->v[i] < 0 ? -1 : (int64_t)r->v[i] * (i == PRICE_TIER_ABOVE ? 1 : 1000);
    *ret = (struct price){
        .input = v[PRICE_INPUT],
        .output = v[PRICE_OUTPUT],
        .cache_read = v[PRICE_CACHE_READ],
        .cache_write = v[PRICE_CACHE_WRITE],
        .cache_write_1h = v[PRICE_CACHE_WRITE_1H],
        .reasoning = v[PRICE_REASONING],
        .audio_in = v[PRICE_AUDIO_IN],
        .audio_out = v[PRICE_AUDIO_OUT],
        .tier_above = v[PRICE_TIER_ABOVE],
        .tier_input = v[PRICE_TIER_INPUT],
        .tier_output = v[PRICE_TIER_OUTPUT],
        .tier_cache_read = v[PRICE_TIER_CACHE_READ],
        .tier_cache_write = v[PRICE_TIER_CACHE_WRITE],
        .request = -1,
    };
    return true;
}

/* ---- cost ----------------------------------------------------------------------------------- */

static int64_t or_else(int64_t v, int64_t otherwise)
{
    return v >= 0 ? v : otherwise;
}

/* A part of what is left of a whole: an upstream's inconsistent counts never make anything
 * negative. */
static int64_t part(int64_t count, int64_t *left)
{
    int64_t n = count < 0 ? 0 : count > *left ? *left : count;
    *left -= n;
    return n;
}

#define TOKENS_MAX (INT64_C(1) << 50) /* more in one answer is nonsense */

int64_t price_cost_nanousd(const struct price *p, const struct chat_usage *u)
{
    if ((p->input < 0 && p->output < 0 && p->request < 0) || (u->prompt < 0 && u->completion < 0) ||
        u->prompt > TOKENS_MAX || u->completion > TOKENS_MAX)
        return -1;
    bool tier = p->tier_above >= 0 && u->prompt > p->tier_above;
    int64_t in = or_else(tier ? or_else(p->tier_input, p->input) : p->input, 0);
    int64_t out = or_else(tier ? or_else(p->tier_output, p->output) : p->output, 0);
    int64_t read = or_else(tier ? or_else(p->tier_cache_read, p->cache_read) : p->cache_read, in);
    int64_t write =
        or_else(tier ? or_else(p->tier_cache_write, p->cache_write) : p->cache_write, in);

    int64_t prompt = or_else(u->prompt, 0), completion = or_else(u->completion, 0);
    int64_t n_read = part(u->cache_read, &prompt);
    int64_t n_write = part(u->cache_write, &prompt);
    int64_t n_write_1h = part(u->cache_write_1h, &n_write); /* a part of the written ones */
    int64_t n_audio_in = part(u->audio_in, &prompt);
    int64_t n_reasoning = part(u->reasoning, &completion);
    int64_t n_audio_out = part(u->audio_out, &completion);

    const struct {
        int64_t tokens, price;
    } terms[] = {
        { prompt, in },
        { n_read, read },
        { n_write, write },
        { n_write_1h, or_else(p->cache_write_1h, write) },
        { n_audio_in, or_else(p->audio_in, in) },
        { completion, out },
        { n_reasoning, or_else(p->reasoning, out) },
        { n_audio_out, or_else(p->audio_out, out) },
    };
    __int128 sum = 0; /* eight products of 2^50 and 2^63 fit */
    for (size_t i = 0; i < COUNT_OF(terms); i++)
        sum += (__int128)terms[i].tokens * terms[i].price;
    sum = (sum + 500000) / 1000000 + or_else(p->request, 0);
    return sum > INT64_MAX ? -1 : (int64_t)sum;
}
