#include "common/daemon/process.h"

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/daemon/build_info.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct process_metrics {
#define METRIC(kind, field, name, labels, help) METRIC_FIELD_##kind(field)
#include "common/daemon/process.def"
#undef METRIC
};

static const struct metric_row rows[] = {
#define METRIC(kind, field, name, labels, help)                                \
	METRIC_ROW(struct process_metrics, kind, field, name, labels, help)
#include "common/daemon/process.def"
#undef METRIC
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static wall_us_t start_time;

void process_started(void)
{
	start_time = clock_wall();
}

static int64_t us_of(const struct timeval *t)
{
	return (int64_t)t->tv_sec * 1000000 + t->tv_usec;
}

static void take_usage(struct process_metrics *m)
{
	struct rusage use;
	struct rlimit files;
	if (getrusage(RUSAGE_SELF, &use) == 0)
		metric_set(
		    &m->cpu, us_of(&use.ru_utime) + us_of(&use.ru_stime));
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		metric_set(&m->max_fds, (int64_t)files.rlim_cur);
}

static void take_memory(struct process_metrics *m)
{
	long long pages, resident;
	FILE *f = fopen("/proc/self/statm", "re");
	if (f == NULL)
		return;
	if (fscanf(f, "%lld %lld", &pages, &resident) == 2) {
		long page = sysconf(_SC_PAGESIZE);
		metric_set(&m->virtual_memory, pages * page);
		metric_set(&m->resident, resident * page);
	}
	fclose(f);
}

/* `.`, `..`, and the folder itself are not counted. -1: it cannot be read. */
static int64_t list_files(void)
{
	enum { OTHERS = 3 };
	int64_t n = 0;
	DIR *d = opendir("/proc/self/fd");
	if (d == NULL)
		return -1;
	while (readdir(d))
		n++;
	closedir(d);
	return n - OTHERS;
}

/* Since Linux 6.2, the size of the folder is the number of its files (proc(5)).
 * Before, they are listed. With ten thousand connections that takes some
 * milliseconds, in which the loop does nothing else: so many are listed at most
 * once in ten seconds. */
static void count_files(struct process_metrics *m)
{
	enum { MANY = 1000 };
	static int64_t listed = -1;
	static mono_us_t until;
	struct stat s;
	if (stat("/proc/self/fd", &s) == 0 && s.st_size > 0) {
		metric_set(&m->open_fds, s.st_size);
		return;
	}
	mono_us_t now = clock_mono();
	if (listed < MANY || now >= until) {
		listed = list_files();
		until = now + CLOCK_S(10);
	}
	if (listed >= 0)
		metric_set(&m->open_fds, listed);
}

void process_metrics(struct buf *out, const struct metrics_open *open)
{
	struct process_metrics m = {0};
	char labels[128];
	struct metric_row now[ROWS];
	const void *instance = &m;
	take_usage(&m);
	take_memory(&m);
	count_files(&m);
	metric_set(&m.start_time, start_time);
	metric_set(&m.build, 1);
	snprintf(labels, sizeof labels, "version=\"%s\",commit=\"%s\"",
	    SLUICE_VERSION, build_info_commit);
	memcpy(now, rows, sizeof rows);
	for (size_t i = 0; i < ROWS; i++) {
		if (now[i].labels[0])
			now[i].labels = labels;
	}
	metrics_render(out, open, now, ROWS, &instance, 1);
}

void process_print_docs(void)
{
	metrics_print_rows(rows, ROWS);
}
