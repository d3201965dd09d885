/* prices.h - what a call costs, in integer nano-dollars (1e-9 USD): never floating point.
 *
 * Prices come from the deployment's own *_cost_per_token keys, else from a built-in table by model
 * name (as of November 2026; docs/prices.md).
 */
#ifndef LEDGER_PRICES_H
#define LEDGER_PRICES_H

#include "chat/chat.h"

/* Nano-dollars per million tokens ("$2.50 per 1M" is 2'500'000'000); -1: not known. Per million, so
 * that the cheapest models' prices are whole numbers. */
struct price {
    int64_t input, output;
    int64_t cache_read, cache_write, cache_write_1h; /* -1: as input (1h: as cache_write) */
    int64_t reasoning;                               /* -1: as output */
    int64_t audio_in, audio_out;                     /* -1: as input, output */
    /* Above that many prompt tokens these hold for the whole request; -1: no such tier, or a tier
     * without that price of its own. */
    int64_t tier_above;
    int64_t tier_input, tier_output, tier_cache_read, tier_cache_write;
    int64_t request; /* nano-dollars per request; -1: nothing */
};

#define PRICE_UNKNOWN ((struct price){ -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 })

/* The built-in table's entry for "<provider>/<model>" or "<model>"; false if there is none. A date
 * or
 * "-latest" at the end of a name does not matter, unless the table has that very name. */
bool price_find(str provider, str model, struct price *ret);
/* "2.5e-06" dollars per token, as LiteLLM writes it -> the unit above. false: not a number >= 0. */
bool price_parse(str dollars_per_token, int64_t *ret);
/* A LiteLLM key ("input_cost_per_token", "cache_read_input_token_cost_above_200k_tokens") and its
 * value into p. False: not a key that counts here, or not a price. */
bool price_set(struct price *p, str key, str value);
/* Cost of one answer, rounded half up once at the end; -1 if the price or the usage is unknown or
 * the sum overflows. */
int64_t price_cost_nanousd(const struct price *p, const struct chat_usage *u);

#endif
