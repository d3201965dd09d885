/* log.h - lines for the operator: what happened, and what to do.
 *
 * One line per call on stderr, "level: text" or a JSON object, as log_init says. Safe from any
 * thread; only the exchange and the commands log, low layers return a struct err. Never pass a
 * secret. Access lines are not these: see server/access_log.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Before the first thread starts. */
void log_init(enum log_level least, bool json);
void log_at(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)

#endif
