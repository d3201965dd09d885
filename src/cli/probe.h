/* probe.h - which model servers answer on this machine's usual ports? Asked once, before the start.
 *
 * Ollama on 11434, vLLM on 8000, llama-server on 8080, LM Studio on 1234, on the loopback address
 * only; each is given PROBE_MS. Blocking: nothing is served yet.
 */
#ifndef CLI_PROBE_H
#define CLI_PROBE_H

#include "base/arena.h"
#include "config/config.h"

enum { PROBE_MS = 300, PROBE_SERVERS = 4 };

struct probe_result {
    struct found_server servers[PROBE_SERVERS];
    size_t n;
    /* One line for people: "an Ollama on port 11434 (3 models)", and what was looked for in vain.
     */
    str found, missing;
};

void probe_local(struct probe_result *ret, struct arena *a);

#endif
