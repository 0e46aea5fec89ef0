/* Which of its two connections a member needs. Both are fakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/kafka/kafka_answers.h"

struct membership {
	bool reachable;
};

struct consumer {
	bool reachable;
};

struct partition {
	int number;
};

bool __wrap_membership_reachable(const struct membership *m);
bool __wrap_consumer_reachable(const struct consumer *c);

bool __wrap_membership_reachable(const struct membership *m)
{
	return m->reachable;
}

bool __wrap_consumer_reachable(const struct consumer *c)
{
	return c->reachable;
}

static const struct membership group = {true}, no_group = {false};
static const struct consumer leaders = {true}, no_leaders = {false};
static struct partition first, last;

static void not_yet_a_member(void **state)
{
	(void)state;
	struct partition *none[2] = {NULL, NULL};
	assert_true(kafka_answers(NULL, NULL, none, 2));
	assert_true(kafka_answers(NULL, &no_leaders, none, 2));
	assert_true(kafka_answers(NULL, NULL, NULL, 0));
}

static void without_partitions_the_group_counts(void **state)
{
	(void)state;
	struct partition *none[2] = {NULL, NULL};
	assert_true(kafka_answers(&group, &no_leaders, none, 2));
	assert_false(kafka_answers(&no_group, &leaders, none, 2));
	assert_false(kafka_answers(&no_group, NULL, NULL, 0));
}

static void with_any_partition_the_leaders_count(void **state)
{
	(void)state;
	struct partition *parts[][3] = {
	    {&first, NULL, NULL}, {NULL, NULL, &last}, {&first, NULL, &last}};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		assert_true(kafka_answers(&no_group, &leaders, parts[i], 3));
		assert_false(kafka_answers(&group, &no_leaders, parts[i], 3));
	}
	/* The last one is behind the end. */
	assert_true(kafka_answers(&group, &no_leaders, parts[1], 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(not_yet_a_member),
	    cmocka_unit_test(without_partitions_the_group_counts),
	    cmocka_unit_test(with_any_partition_the_leaders_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
