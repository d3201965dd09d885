/* fuzz_is_json.h - what was written is JSON: for every target that has something written.
 */
#ifndef FUZZ_IS_JSON_H
#define FUZZ_IS_JSON_H

#include "json/scan.h"

static inline bool fuzz_is_json(str text)
{
    enum json_kind top;
    struct err e;
    rc res = json_scan(text, NULL, 0, &top, &e);
    /* Deep values are passed on inside deeper ones: too deep is not wrong. */
    return !FAILED(res) || res.code == E_LIMIT;
}

#endif
