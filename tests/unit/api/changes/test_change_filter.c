/* What a feed tells of a partition: the races of its header, and from every
 * place that an id can name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/changes/change_filter.h"

#include <stdio.h>
#include <string.h>

/* A record of a key, or a mark. */
struct message {
	const char *key; /* NULL: a mark */
	version_t version;
	version_t from, through;
	int64_t after;
};

#define RECORD(key, version)                                                   \
	{                                                                      \
		key, version, 0, 0, 0                                          \
	}
#define MARK(from, through, after)                                             \
	{                                                                      \
		NULL, 0, from, through, after                                  \
	}

/* Tells the messages from the place's offset on; what is told, as text. */
static void follow(struct change_filter *l, const struct message *log, size_t n,
    char *out, size_t max)
{
	out[0] = '\0';
	for (size_t i = (size_t)l->place.offset; i < n; i++) {
		const struct message *m = &log[i];
		char text[32] = "";
		change_filter_hear(l, (int64_t)i);
		if (m->key == NULL) {
			if (change_filter_mark(l, m->from, m->through,
				m->after) == FOLLOW_MARK_JUMP)
				snprintf(text, sizeof text, "reset ");
		} else if (change_filter_record(
			       l, m->key, strlen(m->key), m->version)) {
			snprintf(text, sizeof text, "%s@%d ", m->key,
			    (int)m->version);
		}
		strncat(out, text, max - strlen(out) - 1);
	}
}

static void check(const struct message *log, size_t n,
    struct change_place place, const char *want)
{
	struct change_filter l = {0};
	char got[512];
	change_filter_start(&l, place);
	follow(&l, log, n, got, sizeof got);
	assert_string_equal(got, want);
	change_filter_free(&l);
}

#define CHECK_LOG(log, place, want)                                            \
	check(log, sizeof log / sizeof log[0], (struct change_place)place, want)
#define AT(...)                                                                \
	{                                                                      \
		__VA_ARGS__                                                    \
	}

static void in_order(void **state)
{
	(void)state;
	static const struct message log[] = {RECORD("k", 100), RECORD("j", 101),
	    MARK(100, 102, -1), RECORD("k", 102), RECORD("j", 105),
	    MARK(102, 106, 2)};
	CHECK_LOG(log, AT(100, 0), "k@100 j@101 k@102 j@105 ");
	/* As the first mark leaves it; the second; a hole. */
	CHECK_LOG(log, AT(102, 0), "k@102 j@105 ");
	CHECK_LOG(log, AT(106, 3), "");
	CHECK_LOG(log, AT(102, 4), "j@105 reset ");
	CHECK_LOG(log, AT(90, 0), "k@100 j@101 reset k@102 j@105 ");
}

/* A late writer, between the records of its successor. */
static void late(void **state)
{
	(void)state;
	static const struct message between[] = {RECORD("k", 110),
	    RECORD("k", 140), /* late */
	    RECORD("j", 120), /* news all the same */
	    RECORD("k", 130), /* older than what was told */
	    RECORD("k", 145), MARK(100, 150, -1)};
	CHECK_LOG(between, AT(100, 0), "k@110 k@140 j@120 k@145 ");
	static const struct message behind[] = {RECORD("k", 145),
	    MARK(100, 150, -1), RECORD("k", 140), RECORD("j", 120),
	    MARK(100, 141, -1), RECORD("j", 150), MARK(150, 151, 4)};
	CHECK_LOG(behind, AT(100, 0), "k@145 j@150 ");
}

/* Announced twice: a writer died in front of the mark. */
static void again(void **state)
{
	(void)state;
	static const struct message log[] = {RECORD("k", 100), RECORD("j", 101),
	    RECORD("k", 100), RECORD("j", 101), RECORD("l", 102),
	    MARK(100, 103, 1), RECORD("k", 103), MARK(103, 104, 5)};
	CHECK_LOG(log, AT(100, 0), "k@100 j@101 k@100 j@101 l@102 k@103 ");
	CHECK_LOG(log, AT(103, 2), "k@103 ");
}

/* The notes are of what is above the watermark, and no more. */
static void bounded(void **state)
{
	(void)state;
	struct change_filter l = {0};
	change_filter_start(&l, (struct change_place){0, 0});
	int64_t offset = 0;
	for (version_t v = 0; v < 100000; v++) {
		change_filter_hear(&l, offset++);
		assert_true(change_filter_record(&l, "key", 3, v));
		if (v % 100 != 99)
			continue;
		change_filter_hear(&l, offset++);
		assert_int_equal(
		    change_filter_mark(&l, v - 99, v + 1, offset - 102),
		    FOLLOW_MARK_ADVANCE);
		assert_int_equal(l.n, 0);
		assert_int_equal(l.place.watermark, v + 1);
	}
	assert_true(l.cap < 500);
	change_filter_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(in_order),
	    cmocka_unit_test(late),
	    cmocka_unit_test(again),
	    cmocka_unit_test(bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
