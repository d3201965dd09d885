/* bench_proc.h - what another process uses: CPU time, instructions, memory. Linux's /proc.
 *
 * CPU time comes in nanoseconds from the threads' schedstat (user and system together), else in
 * clock ticks from stat. Instructions need perf_event_open to be allowed and the machine to count
 * them; without, has_instructions is false. Threads that start later are counted for CPU time only.
 */
#ifndef CLI_BENCH_PROC_H
#define CLI_BENCH_PROC_H

#include <sys/types.h>

#include "base/base.h"

struct proc_use {
    uint64_t cpu_ns;
    uint64_t instructions;
    uint64_t rss_bytes; /* at the time of reading */
    bool has_instructions;
};

struct proc_meter;

/* NULL: there is no such process. */
struct proc_meter *proc_meter_new(pid_t pid);
void proc_meter_free(struct proc_meter *m);
/* False: the process is gone. */
bool proc_meter_read(struct proc_meter *m, struct proc_use *ret);

#endif
