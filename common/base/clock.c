#include "common/base/clock.h"

#include "common/base/check.h"

#include <time.h>

#ifdef SLUICE_CRASH_POINTS
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

static int64_t read_us(clockid_t id)
{
	struct timespec ts;
	CHECK_OS(clock_gettime(id, &ts));
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

mono_us_t clock_mono(void)
{
	return read_us(CLOCK_MONOTONIC);
}

#ifdef SLUICE_CRASH_POINTS

static const _Atomic wall_us_t *stopped;

static void find_stopped(void)
{
	const char *path = getenv("SLUICE_TEST_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	void *at = mmap(NULL, sizeof *stopped, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	CHECK(at != MAP_FAILED);
	stopped = at;
}

/* Test builds: SLUICE_TEST_CLOCK names a file whose eight bytes are the time
 * that is returned, unless they are 0. So a test stops the clock of a daemon,
 * and moves it. */
wall_us_t clock_wall(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	CHECK(pthread_once(&once, find_stopped) == 0);
	wall_us_t at = stopped ? atomic_load(stopped) : 0;
	return at ? at : read_us(CLOCK_REALTIME);
}

#else

wall_us_t clock_wall(void)
{
	return read_us(CLOCK_REALTIME);
}

#endif
