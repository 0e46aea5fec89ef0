/* Messages that wait for their script, in log order. */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

/* Begins as all zeroes. */
struct pending {
	rd_kafka_message_t **items;
	size_t head, n, cap;
	size_t bytes; /* of the values */
};

/* Takes the message. */
void pending_push(struct pending *p, rd_kafka_message_t *m);
/* Returns owned; not when empty. */
rd_kafka_message_t *pending_pop(struct pending *p);
const rd_kafka_message_t *pending_first(const struct pending *p);
/* High: pause fetching. Low: resume it. */
bool pending_is_high(const struct pending *p);
bool pending_is_low(const struct pending *p);
void pending_clear(struct pending *p);
void pending_free(struct pending *p);
