#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/daemon/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The value of a metric, by the beginning of its line. */
static double value_of(const char *start)
{
	struct buf out = {0};
	process_metrics(&out, NULL);
	const char *line = strstr(out.data, start);
	assert_non_null(line);
	double v = strtod(line + strlen(start), NULL);
	buf_free(&out);
	return v;
}

static void values(void **state)
{
	(void)state;
	double now = (double)time(NULL);
	process_started();
	double started = value_of("\nprocess_start_time_seconds ");
	assert_true(started >= now - 1 && started <= now + 10);
	assert_true(value_of("\nprocess_resident_memory_bytes ") > 100000);
	assert_true(value_of("\nprocess_virtual_memory_bytes ") >=
		    value_of("\nprocess_resident_memory_bytes "));
	assert_true(value_of("\nprocess_max_fds ") >= 16);
	double cpu = value_of("\nprocess_cpu_seconds_total ");
	while (value_of("\nprocess_cpu_seconds_total ") <= cpu)
		;
}

static void open_files(void **state)
{
	(void)state;
	double before = value_of("\nprocess_open_fds ");
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(value_of("\nprocess_open_fds ") == before + 1);
	close(fd);
	assert_true(value_of("\nprocess_open_fds ") == before);
}

static void the_build(void **state)
{
	(void)state;
	struct buf out = {0};
	process_metrics(&out, NULL);
	assert_non_null(strstr(out.data,
	    "\nsluice_build_info{version=\"" SLUICE_VERSION "\",commit=\""));
	assert_non_null(strstr(out.data, "\"} 1\n"));
	assert_non_null(
	    strstr(out.data, "# TYPE process_cpu_seconds_total counter\n"));
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values),
	    cmocka_unit_test(open_files),
	    cmocka_unit_test(the_build),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
