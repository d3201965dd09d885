#include "token/count.h"

void token_counter_init(struct token_counter *k, str model)
{
    *k = (struct token_counter){ .model = token_model_of(model) };
    k->exact = k->model.own && token_ranks_here();
    token_bpe_init(&k->bpe);
}

void token_counter_done(struct token_counter *k)
{
    token_bpe_done(&k->bpe);
}

static void add_piece(struct token_counter *k, str piece)
{
    while (piece.n > TOKEN_PIECE_BYTES) {
        str part = str_cut_utf8(&piece, TOKEN_PIECE_BYTES);
        k->tokens += (int64_t)token_bpe_count(&k->bpe, k->model.encoding, part, NULL);
        k->exact = false;
    }
    k->tokens += (int64_t)token_bpe_count(&k->bpe, k->model.encoding, piece, NULL);
}

void token_counter_add(struct token_counter *k, str text)
{
    struct token_split s = { .text = text, .encoding = k->model.encoding };
    str piece;
    while (token_ranks_here() && k->bpe.steps < TOKEN_STEPS_MAX && token_split_next(&s, &piece))
        add_piece(k, piece);
    if (s.at < text.n) {
        k->tokens += token_estimate(str_skip(text, s.at));
        k->exact = false;
    }
}

const char *token_counter_name(const struct token_counter *k)
{
    return k->exact ? token_encoding_name(k->model.encoding) : "estimate";
}
