/* gemini.h - the second form of Gemini's streams.
 *
 * streamGenerateContent without "?alt=sse" is answered by one JSON array that grows. A client that
 * asks so is served with this table instead of dialect_gemini: the same but for write_event and
 * stream_type. It has no relay of frames: toward a Gemini upstream, which is always asked for SSE,
 * read with dialect_gemini and write with this one.
 */
#ifndef DIALECT_GEMINI_H
#define DIALECT_GEMINI_H

#include "dialect/dialect.h"

extern const struct dialect dialect_gemini_array;

#endif
