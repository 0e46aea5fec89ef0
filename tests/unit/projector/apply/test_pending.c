/* Messages that wait: their order, their bytes, when there are too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "projector/apply/pending.h"

enum { HIGH = 2048, LOW = 512, MIB = 1 << 20, MANY = 10000 };

static rd_kafka_message_t messages[MANY];

static rd_kafka_message_t *message(size_t i, size_t len)
{
	messages[i] = (rd_kafka_message_t){.offset = (int64_t)i, .len = len};
	return &messages[i];
}

static void pop_is(struct pending *p, int64_t want)
{
	assert_int_equal(pending_first(p)->offset, want);
	assert_int_equal(pending_pop(p)->offset, want);
}

/* With room in front, and without, however full it is. */
static void first_in_first_out(void **state)
{
	(void)state;
	struct pending p = {0};
	size_t in = 0, out = 0;
	for (size_t step = 1; in + step < MANY; step += 7) {
		for (size_t i = 0; i < step; i++, in++)
			pending_push(&p, message(in, 1));
		assert_int_equal(p.n, in - out);
		assert_int_equal(p.bytes, in - out);
		for (size_t i = 0; i < step - step / 4; i++, out++)
			pop_is(&p, (int64_t)out);
	}
	while (out < in)
		pop_is(&p, (int64_t)out++);
	assert_int_equal(p.n, 0);
	assert_int_equal(p.bytes, 0);
	pending_free(&p);
}

/* It grows with what waits, not with what has gone through. */
static void its_memory_is_bounded(void **state)
{
	(void)state;
	struct pending p = {0};
	for (size_t i = 0; i < 10; i++)
		pending_push(&p, message(i, 1));
	for (size_t i = 10; i < MANY; i++) {
		pending_push(&p, message(i, 1));
		pop_is(&p, (int64_t)i - 10);
	}
	assert_true(p.cap <= 64);
	while (p.n)
		pending_pop(&p);
	pending_free(&p);
}

static void by_their_number(void **state)
{
	(void)state;
	struct pending p = {0};
	assert_true(pending_is_low(&p));
	for (size_t i = 0; i < HIGH; i++) {
		assert_false(pending_is_high(&p));
		assert_int_equal(pending_is_low(&p), i <= LOW);
		pending_push(&p, message(i, 0));
	}
	assert_true(pending_is_high(&p));
	while (p.n)
		pending_pop(&p);
	pending_free(&p);
}

static void by_their_bytes(void **state)
{
	(void)state;
	struct pending p = {0};
	pending_push(&p, message(0, 2 * MIB));
	assert_true(pending_is_low(&p));
	pending_push(&p, message(1, 1));
	assert_false(pending_is_low(&p));
	assert_false(pending_is_high(&p));
	pending_push(&p, message(2, 6 * MIB - 2));
	assert_false(pending_is_high(&p));
	pending_push(&p, message(3, 1));
	assert_true(pending_is_high(&p));
	pending_pop(&p);
	assert_false(pending_is_high(&p));
	while (p.n)
		pending_pop(&p);
	pending_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_in_first_out),
	    cmocka_unit_test(its_memory_is_bounded),
	    cmocka_unit_test(by_their_number),
	    cmocka_unit_test(by_their_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
