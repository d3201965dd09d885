/* clock.h - two clocks: monotonic for waiting and measuring, wall for showing.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/str.h"

/* Nanoseconds that never run backwards; the zero is arbitrary. */
uint64_t clock_mono_ns(void);
/* Milliseconds since 1970-01-01 UTC. */
int64_t clock_wall_ms(void);

enum { CLOCK_ISO_BYTES = 25 };
/* Writes "2026-11-24T10:20:30.123Z" and a NUL into out; returns it as str. */
str clock_iso(int64_t wall_ms, char out[CLOCK_ISO_BYTES]);

#endif
