#include "common/base/clock.h"

#include "common/base/check.h"

#include <time.h>

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

wall_us_t clock_wall(void)
{
	return read_us(CLOCK_REALTIME);
}
