/* signature.h - whose thinking it was, kept through clients that know only their own vendor's.
 *
 * A signature (Anthropic's, OpenAI's encrypted_content, Gemini's thoughtSignature) is of use only
 * to the vendor that made it, and goes back to it through the client's history. A client of dialect
 * A that is served by vendor B keeps B's signature where A has its own; so that it is not replayed
 * to A later, writers mark foreign signatures ("sluice.gemini.<signature>") and readers take the
 * mark off again. The mark holds a '.', which no vendor's signature does (they are all base64).
 *
 * Gemini signs calls. Where a client keeps nothing of a call but its id, the signature rides in the
 * id, in LiteLLM's form: "call_ab12__thought__<signature>".
 */
#ifndef DIALECT_SIGNATURE_H
#define DIALECT_SIGNATURE_H

#include "base/arena.h"
#include "chat/chat.h"

/* sig as a client of dialect `home` may see it: as it is if origin is home (or unknown). */
str signature_mark(struct arena *a, str sig, enum dialect_id origin, enum dialect_id home);
/* Takes the mark off *sig (borrowed from it) and says who made it; home if it bears none. */
enum dialect_id signature_unmark(str *sig, enum dialect_id home);

/* id with the call's signature inside (in base64url, as ids allow few characters); id itself if
 * sig is empty. */
str signature_into_id(struct arena *a, str id, str sig);
/* Takes the signature out of *id; empty if it holds none. */
str signature_from_id(struct arena *a, str *id);

#endif
