/* prices_table.h - the built-in prices, as a sorted table (see docs of prices.h for the unit asked
 * for; rows are a thousand times coarser).
 */
#ifndef LEDGER_PRICES_TABLE_H
#define LEDGER_PRICES_TABLE_H

#include "base/base.h"

enum price_column {
    PRICE_INPUT,
    PRICE_OUTPUT,
    PRICE_CACHE_READ,
    PRICE_CACHE_WRITE,
    PRICE_CACHE_WRITE_1H,
    PRICE_REASONING,
    PRICE_AUDIO_IN,
    PRICE_AUDIO_OUT,
    PRICE_TIER_ABOVE, /* prompt tokens: more than these, and the whole request has these prices: */
    PRICE_TIER_INPUT,
    PRICE_TIER_OUTPUT,
    PRICE_TIER_CACHE_READ,
    PRICE_TIER_CACHE_WRITE,
    PRICE_COLUMNS,
};

struct price_row {
    const char *model;
    const char *provider;
    bool only; /* this vendor's offer alone: another's model of that name has its own price */
    int32_t v[PRICE_COLUMNS]; /* micro-dollars per million tokens */
};

extern const struct price_row price_rows[];
extern const size_t price_nrows;

#endif
