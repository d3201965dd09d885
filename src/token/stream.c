#include "token/stream.h"

void token_stream_init(struct token_stream *s, str model)
{
    token_counter_init(&s->counter, model);
    s->held = 0;
}

void token_stream_done(struct token_stream *s)
{
    token_counter_done(&s->counter);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Where a blank follows what is none, at or behind `from`: the last such place, or 0. Both patterns
 * begin a piece there, and look at nothing behind it for those before. What is not ASCII might be a
 * blank, too. */
static uint32_t last_word(const struct token_stream *s, uint32_t from)
{
    for (uint32_t i = s->held; i-- > from;)
        if (i > 0 && s->tail[i] == ' ' && (signed char)s->tail[i - 1] >= 0 &&
            !is_blank(s->tail[i - 1]))
            return i;
    return 0;
}

static void count_first(struct token_stream *s, uint32_t n)
{
    token_counter_add(&s->counter, (str){ s->tail, n });
    s->held -= n;
    memmove(s->tail, s->tail + n, s->held);
}

/* All but a character that is not whole. */
static void cut(struct token_stream *s)
{
    str rest = { s->tail, s->held };
    count_first(s, (uint32_t)str_cut_utf8(&rest, s->held - 1).n);
    s->counter.exact = false;
}

void token_stream_add(struct token_stream *s, str text)
{
    while (text.n) {
        str some = str_take(text, TOKEN_TAIL_BYTES - s->held);
        uint32_t from = s->held;
        memcpy(s->tail + s->held, some.p, some.n);
        s->held += (uint32_t)some.n;
        text = str_skip(text, some.n);
        uint32_t word = last_word(s, from);
        if (word)
            count_first(s, word);
        else if (s->held == TOKEN_TAIL_BYTES)
            cut(s);
    }
}

void token_stream_end(struct token_stream *s)
{
    count_first(s, s->held);
}
