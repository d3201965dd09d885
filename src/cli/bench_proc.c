#include "cli/bench_proc.h"

#include <dirent.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

enum { COUNTERS_MAX = 128 };

struct proc_meter {
    pid_t pid;
    int counters[COUNTERS_MAX]; /* one per thread; none if they cannot be had */
    size_t ncounters;
};

/* Calls f with every thread's id; false if the process is gone. */
static bool each_thread(pid_t pid, void (*f)(pid_t tid, void *arg), void *arg)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *d = opendir(path);
    if (!d)
        return false;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            f((pid_t)strtol(e->d_name, NULL, 10), arg);
    closedir(d);
    return true;
}

static size_t read_small_file(const char *path, char *text, size_t cap)
{
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, cap - 1, f) : 0;
    if (f)
        fclose(f);
    text[n] = 0;
    return n;
}

struct sum {
    pid_t pid;
    uint64_t cpu_ns;
};

static uint64_t ticks_of(const char *path)
{
    char text[1024];
    if (read_small_file(path, text, sizeof(text)) == 0)
        return 0;
    const char *p = strrchr(text, ')'); /* the name before it may hold anything */
    uint64_t user = 0, sys = 0;
    for (int field = 2; p && field < 15; field++) {
        p = strchr(p + 1, ' ');
        if (p && field == 13)
            user = strtoull(p + 1, NULL, 10);
        if (p && field == 14)
            sys = strtoull(p + 1, NULL, 10);
    }
    return user + sys;
}

static void add_cpu(pid_t tid, void *arg)
{
    struct sum *s = arg;
    char path[96], text[128];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", (int)s->pid, (int)tid);
    if (read_small_file(path, text, sizeof(text))) {
        s->cpu_ns += strtoull(text, NULL, 10);
        return;
    }
    snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)s->pid, (int)tid);
    s->cpu_ns += ticks_of(path) * (uint64_t)(1000000000 / sysconf(_SC_CLK_TCK));
}

static void open_counter(pid_t tid, void *arg)
{
    struct proc_meter *m = arg;
    struct perf_event_attr a = { .type = PERF_TYPE_HARDWARE,
                                 .size = sizeof(a),
                                 .config = PERF_COUNT_HW_INSTRUCTIONS,
                                 .inherit = 1 };
    if (m->ncounters == COUNTERS_MAX)
        return;
    long fd = syscall(SYS_perf_event_open, &a, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd >= 0)
        m->counters[m->ncounters++] = (int)fd;
}

struct proc_meter *proc_meter_new(pid_t pid)
{
    struct proc_meter *m = mem_zalloc(sizeof(*m));
    m->pid = pid;
    if (each_thread(pid, open_counter, m))
        return m;
    mem_free(m);
    return NULL;
}

void proc_meter_free(struct proc_meter *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->ncounters; i++)
        close(m->counters[i]);
    mem_free(m);
}

bool proc_meter_read(struct proc_meter *m, struct proc_use *ret)
{
    struct sum s = { .pid = m->pid };
    char path[64], text[128];
    *ret = (struct proc_use){ 0 };
    if (!each_thread(m->pid, add_cpu, &s))
        return false;
    ret->cpu_ns = s.cpu_ns;
    ret->has_instructions = m->ncounters > 0;
    for (size_t i = 0; i < m->ncounters; i++) {
        uint64_t v;
        if (read(m->counters[i], &v, sizeof(v)) == (ssize_t)sizeof(v))
            ret->instructions += v;
    }
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)m->pid);
    if (read_small_file(path, text, sizeof(text)) && strchr(text, ' '))
        ret->rss_bytes = strtoull(strchr(text, ' '), NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
    return true;
}
