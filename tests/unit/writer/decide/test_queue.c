/* The queue: order and bytes, whatever is taken and returned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/decide/queue.h"

#include <stdlib.h>

static void push(struct queue *q, version_t v)
{
	const struct write w = {.version = v, .size = (size_t)v % 7};
	queue_push(q, &w);
}

static void check(const struct queue *q, version_t first, size_t n)
{
	size_t bytes = 0;
	assert_int_equal(q->n, n);
	for (size_t i = 0; i < n; i++) {
		assert_true(queue_at(q, i)->version == first + i);
		bytes += (first + i) % 7;
	}
	assert_int_equal(q->bytes, bytes);
}

/* Pushes, takes, and returns some of them, by a fixed pseudo-random walk. */
static void keeps_order(void **state)
{
	(void)state;
	struct queue q = {0};
	version_t head = 1, next = 1;
	unsigned r = 1;
	for (int turn = 0; turn < 20000; turn++) {
		r = r * 1103515245u + 12345u;
		unsigned n = r >> 16 & 31, back = r >> 21 & 1;
		for (unsigned i = 0; i < n && next - head < 100; i++)
			push(&q, next++);
		r = r * 1103515245u + 12345u;
		size_t take = r >> 16 & 63;
		if (take > q.n)
			take = q.n;
		if (take > 0) {
			struct write *w = queue_take(&q, take);
			assert_true(w[0].version == head);
			if (back) {
				queue_return(&q, w, take);
			} else {
				head += take;
				free(w);
			}
		}
		check(&q, head, (size_t)(next - head));
	}
	queue_clear(&q);
	check(&q, 0, 0);
}

static void returns_to_an_empty_one(void **state)
{
	(void)state;
	struct queue q = {0};
	push(&q, 5);
	push(&q, 6);
	struct write *w = queue_take(&q, 2);
	queue_clear(&q);
	queue_return(&q, w, 2);
	check(&q, 5, 2);
	queue_clear(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keeps_order),
	    cmocka_unit_test(returns_to_an_empty_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
