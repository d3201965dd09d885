/* prices.h - what a call costs, in integer nano-dollars (1e-9 USD): never floating point.
 *
 * Prices come from the deployment's own *_cost_per_token keys, else from a built-in table by model
 * name (docs/prices.md says how old it is).
 */
#ifndef LEDGER_PRICES_H
#define LEDGER_PRICES_H

#include "chat/chat.h"

/* Nano-dollars per million tokens ("$2.50 per 1M" is 2'500'000'000); -1: not known. Per million, so
 * that the cheapest models' prices are whole numbers. */
struct price {
    int64_t input, output;
    int64_t cache_read, cache_write, cache_write_1h; /* -1: as input */
    int64_t reasoning;                               /* -1: as output */
    int64_t audio_in, audio_out;                     /* -1: as input, output */
};

#define PRICE_UNKNOWN ((struct price){ -1, -1, -1, -1, -1, -1, -1, -1 })

/* The built-in table's entry for "<provider>/<model>" or "<model>"; false if there is none. */
bool price_find(str provider, str model, struct price *ret);
/* "2.5e-06" dollars per token, as LiteLLM writes it -> the unit above. false: not a number >= 0. */
bool price_parse(str dollars_per_token, int64_t *ret);
/* Cost of one answer, rounded half up once at the end; -1 if the price or the usage is unknown or the
 * sum overflows. */
int64_t price_cost_nanousd(const struct price *p, const struct chat_usage *u);

#endif
