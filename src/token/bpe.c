#include "token/bpe.h"

#include "base/mem.h"

/* A piece being merged. Part i begins at byte i and ends where next[i] begins; rank[i] is that of
 * part i and the one behind it joined. Inner node k of the tournament holds the part of the lowest
 * rank below it; its children are nodes 2k and 2k+1, of which those from `leaves` on are the parts
 * themselves. */
struct merge {
    struct token_bpe *b;
    enum token_encoding e;
    const char *p;
    uint32_t n, leaves;
    uint32_t *next, *prev, *rank, *node;
};

void token_bpe_init(struct token_bpe *b)
{
    *b = (struct token_bpe){ 0 };
}

void token_bpe_done(struct token_bpe *b)
{
    mem_free(b->memory);
    token_bpe_init(b);
}

static uint32_t power_of_two(uint32_t n)
{
    uint32_t p = 2;
    while (p < n)
        p *= 2;
    return p;
}

static void take_memory(struct token_bpe *b, struct merge *m)
{
    uint32_t n = m->leaves;
    if (b->bytes < n) {
        b->bytes = n;
        b->memory = mem_realloc(b->memory, (size_t)n * 4 * sizeof(uint32_t));
    }
    m->next = b->memory;
    m->prev = m->next + n;
    m->rank = m->prev + n;
    m->node = m->rank + n;
}

static uint32_t pair_rank(struct merge *m, uint32_t i)
{
    uint32_t second = m->next[i];
    if (second >= m->n)
        return TOKEN_NO_RANK;
    m->b->steps++;
    return token_rank(m->e, m->p + i, m->next[second] - i);
}

static uint32_t winner(const struct merge *m, uint32_t child)
{
    return child >= m->leaves ? child - m->leaves : m->node[child];
}

static uint32_t play(struct merge *m, uint32_t k)
{
    uint32_t left = winner(m, 2 * k), right = winner(m, 2 * k + 1);
    m->b->steps++;
    return m->rank[left] <= m->rank[right] ? left : right;
}

static void set_rank(struct merge *m, uint32_t i, uint32_t rank)
{
    if (m->rank[i] == rank)
        return;
    m->rank[i] = rank;
    for (uint32_t k = (m->leaves + i) / 2; k > 0; k /= 2) {
        uint32_t best = play(m, k);
        if (m->node[k] == best && best != i)
            return;
        m->node[k] = best;
    }
}

static void begin(struct merge *m)
{
    for (uint32_t i = 0; i < m->leaves; i++) {
        m->next[i] = i + 1;
        m->prev[i] = i - 1;
        m->rank[i] = TOKEN_NO_RANK;
    }
    for (uint32_t i = 0; i + 1 < m->n; i++)
        m->rank[i] = pair_rank(m, i);
    for (uint32_t k = m->leaves - 1; k > 0; k--)
        m->node[k] = play(m, k);
}

static void join(struct merge *m, uint32_t i)
{
    uint32_t second = m->next[i], third = m->next[second];
    m->next[i] = third;
    if (third < m->n)
        m->prev[third] = i;
    set_rank(m, second, TOKEN_NO_RANK);
    set_rank(m, i, pair_rank(m, i));
    if (i > 0)
        set_rank(m, m->prev[i], pair_rank(m, m->prev[i]));
}

static size_t parts(const struct merge *m, uint32_t *ids)
{
    size_t n = 0;
    for (uint32_t i = 0; i < m->n; i = m->next[i], n++)
        if (ids)
            ids[n] = token_rank(m->e, m->p + i, m->next[i] - i);
    return n;
}

size_t token_bpe_count(struct token_bpe *b, enum token_encoding e, str piece, uint32_t *ids)
{
    uint32_t whole = token_rank(e, piece.p, piece.n);
    b->steps++;
    if (whole != TOKEN_NO_RANK) {
        if (ids)
            *ids = whole;
        return 1;
    }
    BUG_UNLESS(piece.n >= 1 && piece.n < (1U << 31));
    struct merge m = { .b = b, .e = e, .p = piece.p, .n = (uint32_t)piece.n };
    m.leaves = power_of_two(m.n);
    take_memory(b, &m);
    begin(&m);
    while (m.rank[m.node[1]] != TOKEN_NO_RANK)
        join(&m, m.node[1]);
    return parts(&m, ids);
}
