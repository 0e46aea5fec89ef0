/* A file up to its bound; everything else names file and reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/access/small_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/sluice-small-file-XXXXXX";

static void put(const char *path, size_t len)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	for (size_t i = 0; i < len; i++)
		fputc('x', f);
	fclose(f);
}

static void reads_up_to_its_bound(void **state)
{
	(void)state;
	struct buf b = {0};
	put("f", 20000);
	assert_int_equal(small_file_read("f", 20000, &b).kind, ERR_KIND_OK);
	assert_int_equal(b.len, 20000);
	struct err e = small_file_read("f", 19999, &b);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_string_equal(e.msg, "f: larger than 19999 bytes");
	buf_free(&b);
	put("f", 0);
	assert_int_equal(small_file_read("f", 1, &b).kind, ERR_KIND_OK);
	assert_int_equal(b.len, 0);
	buf_free(&b);
	unlink("f");
}

static void names_file_and_reason(void **state)
{
	(void)state;
	struct buf b = {0};
	struct err e = small_file_read("absent", 9, &b);
	assert_string_equal(e.msg, "absent: No such file or directory");
	e = small_file_read(".", 9, &b);
	assert_string_equal(e.msg, ".: not a regular file");
	assert_int_equal(mkfifo("pipe", 0600), 0);
	e = small_file_read("pipe", 9, &b);
	assert_string_equal(e.msg, "pipe: not a regular file");
	unlink("pipe");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_up_to_its_bound),
	    cmocka_unit_test(names_file_and_reason),
	};
	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return EXIT_FAILURE;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return chdir("/") == 0 && rmdir(folder) == 0 ? failed : EXIT_FAILURE;
}
