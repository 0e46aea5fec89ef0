/* What every librdkafka handle needs: configuration, logs, reachability. */
#pragma once

#include "common/base/clock.h"
#include "common/base/err.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

/* A property of librdkafka. */
struct kafka_property {
	char *name;
	char *value;
	bool secret; /* its value is never shown, whatever its name is */
};

struct kafka_config {
	const char *servers;
	const struct kafka_property *extra; /* applied last */
	size_t nextra;
	const char *client_id;
	/* The file with the token of OAUTHBEARER; NULL: none. */
	const char *token_file;
};

/* Is this property a secret, whose value must never be shown? */
bool kafka_is_secret(const char *property);

/* Returns an owned conf with servers, client id and log callback, the caller's
 * own properties (`pairs`: name, value, …, NULL), and the extra properties. The
 * extras come last, so that an operator can override everything. If librdkafka
 * refuses a property or value, *out is NULL and the error names it. */
struct err kafka_conf(const struct kafka_config *k, const char *const *pairs,
    rd_kafka_conf_t **out);

/* Logs what this librdkafka cannot do although it accepts the settings. */
void kafka_warn(const struct kafka_config *k);
/* A handle that reads its token, if it needs one, on a thread of librdkafka's.
 * Takes the conf, unless it returns NULL; then `why` says why. */
rd_kafka_t *kafka_new(
    rd_kafka_type_t type, rd_kafka_conf_t *conf, char *why, size_t size);

/* Both in one: a handle without callbacks, owned. FATAL: *out is NULL. */
struct err kafka_plain(const struct kafka_config *k, rd_kafka_type_t type,
    const char *const *pairs, rd_kafka_t **out);

/* Asks for the leaders of the topic now. Otherwise the first use of the topic
 * would wait for them: for up to a second, in a consumer. */
void kafka_expect(rd_kafka_t *rk, const char *topic);

/* Closes a consumer, and drops the messages that were not served. False: it is
 * not closed at that time, and cannot be destroyed without waiting longer. */
bool kafka_close(rd_kafka_t *rk, mono_us_t end);

/* From a statistics document: is a broker connected, and does every partition
 * of the topics in use have a leader whose connection has not failed? */
bool kafka_stats_reachable(const char *json, size_t len);
/* The time since the message was handed to its producer, by the clocks of both
 * hosts; 0 if it is not known. */
dur_us_t kafka_message_age(const rd_kafka_message_t *m);
