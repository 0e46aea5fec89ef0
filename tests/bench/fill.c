/* Writes the content of tests/bench/write to where a subject reads it.
 *
 *   fill file MIX ROWS                         COPY's text format, to stdout
 *   fill writes MIX ROWS SERVERS TOPIC BAD     a log of writes of Sluice; the
 *                                              values of BAD in a thousand
 *                                              begin with `!`
 *   fill connect MIX ROWS SERVERS TOPIC        a new topic of one partition, as
 *                                              Kafka Connect's JsonConverter
 *                                              reads it, with its schema
 */
#include "stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Connect wants the schema in every record. */
#define KEY_SCHEMA                                                             \
	"{\"schema\":{\"type\":\"struct\",\"optional\":false,\"fields\":["     \
	"{\"field\":\"key\",\"type\":\"string\",\"optional\":false}]},"
#define TIME_FIELD(name)                                                       \
	"{\"field\":\"" name "\",\"type\":\"string\",\"optional\":false,"      \
	"\"name\":\"io.debezium.time.ZonedTimestamp\",\"version\":1}"
#define VALUE_SCHEMA                                                           \
	"{\"schema\":{\"type\":\"struct\",\"optional\":false,\"fields\":["     \
	"{\"field\":\"value\",\"type\":\"string\",\"optional\":false}"         \
	"," TIME_FIELD("created_at") "," TIME_FIELD(                           \
	    "updated_at") ","                                                  \
			  "{\"field\":\"version\",\"type\":\"int64\","         \
			  "\"optional\":false}]},"

static void to_file(const struct content *c, uint64_t rows)
{
	struct content_row r;
	char at[CONTENT_TIME_LEN + 1];
	for (uint64_t i = 0; i < rows; i++) {
		content_row(c, i, &r);
		content_time(r.at, at);
		printf("%s\t%s\t%s\t%s\t%" PRIu64 "\n", r.key, r.value, at, at,
		    r.version);
	}
	if (fflush(stdout) != 0)
		stream_die("the file cannot be written");
}

static void to_writes(const struct content *c, uint64_t rows,
    const char *servers, const char *topic, uint64_t bad)
{
	rd_kafka_t *rk = stream_producer(servers, "20", NULL);
	struct stream_writes w = stream_writes_new(rk, topic);
	struct content_row r;
	for (uint64_t i = 0; i < rows; i++) {
		content_row(c, i, &r);
		if (i * bad / 1000 != (i + 1) * bad / 1000)
			r.value[0] = '!';
		stream_put(&w, &r, clock_wall());
	}
	stream_finish(rk);
	stream_writes_free(&w);
}

static void to_connect(const struct content *c, uint64_t rows,
    const char *servers, const char *topic)
{
	rd_kafka_t *rk = stream_producer(servers, "20", NULL);
	stream_topic(rk, topic, 1);
	struct content_row r;
	char at[CONTENT_TIME_LEN + 1], key[256], value[1024];
	for (uint64_t i = 0; i < rows; i++) {
		content_row(c, i, &r);
		content_time(r.at, at);
		int k = snprintf(key, sizeof key,
		    KEY_SCHEMA "\"payload\":{\"key\":\"%s\"}}", r.key);
		int v = snprintf(value, sizeof value,
		    VALUE_SCHEMA
		    "\"payload\":{\"value\":\"%s\",\"created_at\":\"%s\","
		    "\"updated_at\":\"%s\",\"version\":%" PRIu64 "}}",
		    r.value, at, at, r.version);
		if (k < 0 || (size_t)k >= sizeof key || v < 0 ||
		    (size_t)v >= sizeof value)
			stream_die("a record is too long");
		stream_send(
		    rk, topic, 0, key, (size_t)k, value, (size_t)v, NULL);
	}
	stream_finish(rk);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		stream_die("usage: see fill.c");
	uint64_t rows = strtoull(argv[3], NULL, 10);
	struct content *c = content_new(content_mix_parse(argv[2]), rows);
	if (strcmp(argv[1], "file") == 0 && argc == 4)
		to_file(c, rows);
	else if (strcmp(argv[1], "writes") == 0 && argc == 7)
		to_writes(
		    c, rows, argv[4], argv[5], strtoull(argv[6], NULL, 10));
	else if (strcmp(argv[1], "connect") == 0 && argc == 6)
		to_connect(c, rows, argv[4], argv[5]);
	else
		stream_die("usage: see fill.c");
	content_free(&c);
}
