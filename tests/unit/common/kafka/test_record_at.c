/* One record, at an offset: with librdkafka's mock cluster. */
#include "tests/unit/mockkafka.h"

#include "common/kafka/record_at.h"

#include <string.h>

static const char topic[] = "t";

struct heard {
	struct loop *loop;
	int n;
	enum record_found found;
	int64_t offset;
	char value[8];
};

static void on_done(
    void *arg, enum record_found found, const rd_kafka_message_t *m)
{
	struct heard *h = arg;
	h->n++;
	h->found = found;
	h->offset = m ? m->offset : -1;
	if (m)
		memcpy(h->value, m->payload, m->len);
	loop_stop(h->loop);
}

static void one_record(void **state)
{
	(void)state;
	rd_kafka_t *owner = mockkafka_client(NULL);
	rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(owner, 1);
	rd_kafka_mock_topic_create(cluster, topic, 1, 1);
	rd_kafka_t *rk = mockkafka_client(cluster);
	mockkafka_put(rk, topic, 3);
	const struct kafka_config kafka = {
	    .servers = rd_kafka_mock_cluster_bootstraps(cluster),
	    .client_id = "test"};
	const struct record_at_options o = {
	    .kafka = &kafka, .topic = topic, .timeout = CLOCK_S(30)};
	struct record_at *r;
	assert_int_equal(record_at_new(&o, &r).kind, ERR_KIND_OK);
	static const struct {
		int64_t offset;
		enum record_found found;
	} cases[] = {{1, RECORD_FOUND}, {0, RECORD_FOUND}, {2, RECORD_FOUND},
	    {3, RECORD_GONE}, {1000, RECORD_GONE}, {1, RECORD_FOUND}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct heard h = {.loop = loop_new()};
		assert_non_null(
		    record_at_ask(r, h.loop, 0, cases[i].offset, on_done, &h));
		loop_run(h.loop);
		assert_int_equal(h.n, 1);
		assert_int_equal(h.found, cases[i].found);
		if (h.found == RECORD_FOUND) {
			assert_int_equal(h.offset, cases[i].offset);
			assert_string_equal(h.value, "v");
		}
		loop_free(&h.loop);
	}
	/* Abandoned: nobody hears of it, whatever comes first. */
	struct heard h = {.loop = loop_new()};
	struct record_question *q = record_at_ask(r, h.loop, 0, 0, on_done, &h);
	record_at_abandon(&q);
	assert_null(q);
	assert_non_null(record_at_ask(r, h.loop, 0, 2, on_done, &h));
	loop_run(h.loop);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.offset, 2);
	loop_free(&h.loop);
	record_at_free(&r);
	rd_kafka_destroy(rk);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(owner);
}

static void kafka_is_away(void **state)
{
	(void)state;
	const struct kafka_config kafka = {
	    .servers = "127.0.0.1:1", .client_id = "test"};
	const struct record_at_options o = {
	    .kafka = &kafka, .topic = topic, .timeout = CLOCK_MS(50)};
	struct record_at *r;
	assert_int_equal(record_at_new(&o, &r).kind, ERR_KIND_OK);
	struct heard h = {.loop = loop_new()};
	assert_non_null(record_at_ask(r, h.loop, 0, 0, on_done, &h));
	loop_run(h.loop);
	assert_int_equal(h.found, RECORD_NO_WORD);
	loop_free(&h.loop);
	record_at_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_record),
	    cmocka_unit_test(kafka_is_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
