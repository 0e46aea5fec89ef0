#include "common/kafka/kafka.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/kafka/oauth_token.h"

#include <jansson.h>
#include <string.h>
#include <syslog.h>

bool kafka_is_secret(const char *property)
{
	return strstr(property, "password") || strstr(property, "secret") ||
	       strstr(property, "sasl.oauthbearer.config") ||
	       strstr(property, ".pem");
}

/* Called on librdkafka's own threads. */
static void kafka_on_log(
    const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	/* Producers and consumers get the same kafka.* settings, so warnings
	 * about properties of the other kind are expected. */
	if (level > LOG_WARNING || strcmp(facility, "CONFWARN") == 0)
		return;
	log_event(
	    EV_KAFKA_LOG, "facility=%s text=%s", facility, log_quote(text));
}

static struct err kafka_set(
    rd_kafka_conf_t *conf, const char *name, const char *value, bool secret)
{
	char text[256];
	rd_kafka_conf_res_t res =
	    rd_kafka_conf_set(conf, name, value, text, sizeof text);
	if (res == RD_KAFKA_CONF_OK)
		return ERR_OK;
	/* The name of a secret may be misspelt. */
	if (res == RD_KAFKA_CONF_UNKNOWN || secret || kafka_is_secret(name))
		return err_make(ERR_KIND_FATAL, "config",
		    "librdkafka refuses 'kafka.%s': %s", name,
		    strstr(text, value) ? "its value is not allowed" : text);
	return err_make(ERR_KIND_FATAL, "config",
	    "librdkafka refuses 'kafka.%s' with the value '%s': %s", name,
	    value, text);
}

/* A broker that is back is found within a second: attempts are half a second
 * apart. An attempt without an answer is given up after 5 s; TLS and SASL must
 * be done by then. */
static const char *const of_every_handle[] = {"socket.keepalive.enable", "true",
    "reconnect.backoff.max.ms", "500", "socket.connection.setup.timeout.ms",
    "5000", NULL};

static struct err set_all(rd_kafka_conf_t *conf, const char *const *pairs)
{
	struct err e = ERR_OK;
	for (; e.kind == ERR_KIND_OK && pairs && *pairs; pairs += 2)
		e = kafka_set(conf, pairs[0], pairs[1], false);
	return e;
}

struct err kafka_conf(const struct kafka_config *k, const char *const *pairs,
    rd_kafka_conf_t **out)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_conf_set_log_cb(conf, kafka_on_log);
	struct err e = kafka_set(conf, "bootstrap.servers", k->servers, true);
	if (e.kind == ERR_KIND_OK)
		e = kafka_set(conf, "client.id", k->client_id, false);
	if (e.kind == ERR_KIND_OK)
		e = set_all(conf, of_every_handle);
	if (e.kind == ERR_KIND_OK)
		e = set_all(conf, pairs);
	for (size_t i = 0; e.kind == ERR_KIND_OK && i < k->nextra; i++)
		e = kafka_set(conf, k->extra[i].name, k->extra[i].value,
		    k->extra[i].secret);
	if (e.kind == ERR_KIND_OK && k->token_file)
		e = oauth_token_use(conf, k->token_file);
	*out = conf;
	if (e.kind != ERR_KIND_OK) {
		rd_kafka_conf_destroy(conf);
		*out = NULL;
	}
	return e;
}

void kafka_warn(const struct kafka_config *k)
{
	bool old = rd_kafka_version() < 0x020601ff;
	for (size_t i = 0; i < k->nextra && old; i++) {
		const char *name = k->extra[i].name;
		bool mechanism = strcmp(name, "sasl.mechanism") == 0 ||
				 strcmp(name, "sasl.mechanisms") == 0;
		if (mechanism && strncmp(k->extra[i].value, "SCRAM", 5) == 0)
			log_event(EV_KAFKA_SCRAM, "librdkafka=%s needed=2.6.1",
			    rd_kafka_version_str());
	}
}

rd_kafka_t *kafka_new(
    rd_kafka_type_t type, rd_kafka_conf_t *conf, char *why, size_t size)
{
	rd_kafka_t *rk = rd_kafka_new(type, conf, why, size);
	rd_kafka_queue_t *sasl = rk ? rd_kafka_queue_get_sasl(rk) : NULL;
	if (sasl == NULL)
		return rk;
	rd_kafka_queue_destroy(sasl);
	rd_kafka_error_t *e = rd_kafka_sasl_background_callbacks_enable(rk);
	CHECK(e == NULL); /* it has this queue */
	return rk;
}

struct err kafka_plain(const struct kafka_config *k, rd_kafka_type_t type,
    const char *const *pairs, rd_kafka_t **out)
{
	rd_kafka_conf_t *conf;
	char why[256];
	*out = NULL;
	struct err e = kafka_conf(k, pairs, &conf);
	if (e.kind != ERR_KIND_OK)
		return e;
	*out = kafka_new(type, conf, why, sizeof why);
	if (*out)
		return ERR_OK;
	rd_kafka_conf_destroy(conf);
	return err_make(ERR_KIND_FATAL, "config", "%s", why);
}

/* The handle remembers a topic that was named once. */
void kafka_expect(rd_kafka_t *rk, const char *topic)
{
	rd_kafka_topic_t *t = rd_kafka_topic_new(rk, topic, NULL);
	if (t)
		rd_kafka_topic_destroy(t);
}

bool kafka_close(rd_kafka_t *rk, mono_us_t end)
{
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	rd_kafka_error_t *e = rd_kafka_consumer_close_queue(rk, q);
	while (
	    e == NULL && !rd_kafka_consumer_closed(rk) && clock_mono() < end) {
		rd_kafka_message_t *m = rd_kafka_consume_queue(q, 50);
		if (m)
			rd_kafka_message_destroy(m);
	}
	rd_kafka_error_destroy(e);
	rd_kafka_queue_destroy(q);
	return rd_kafka_consumer_closed(rk);
}

static bool broker_is(const json_t *broker, const char *state)
{
	const char *is = json_string_value(json_object_get(broker, "state"));
	return is && strcmp(is, state) == 0;
}

static bool any_up(const json_t *brokers)
{
	const char *name;
	json_t *broker;
	json_object_foreach((json_t *)brokers, name, broker)
	{
		if (broker_is(broker, "UP"))
			return true;
	}
	return false;
}

/* Is this the first attempt to connect? If it fails, the broker is DOWN, and
 * then in TRY_CONNECT until the next attempt. */
static bool first_attempt(const json_t *broker)
{
	json_int_t n = json_integer_value(json_object_get(broker, "connects"));
	if (broker_is(broker, "TRY_CONNECT"))
		return n == 0;
	return n == 1 && !broker_is(broker, "DOWN");
}

/* INIT counts as fine: nothing was sent to this broker yet, or not for long.
 * librdkafka connects to a leader only when there is something to send. So
 * waiting for the connection before sending would never end. While it connects
 * for the first time, nothing has failed, either: messages wait. */
static bool broker_fine(const json_t *broker)
{
	return broker_is(broker, "UP") || broker_is(broker, "INIT") ||
	       first_attempt(broker);
}

static bool leader_fine(const json_t *brokers, json_int_t id)
{
	const char *name;
	json_t *broker;
	json_object_foreach((json_t *)brokers, name, broker)
	{
		json_t *number = json_object_get(broker, "nodeid");
		if (json_integer_value(number) == id && broker_fine(broker))
			return true;
	}
	return false;
}

static bool topic_reachable(const json_t *topic, const json_t *brokers)
{
	const char *number;
	json_t *partition;
	json_t *partitions = json_object_get(topic, "partitions");
	bool any = false;
	json_object_foreach(partitions, number, partition)
	{
		if (number[0] == '-')
			continue; /* librdkafka's "no partition yet" */
		any = true;
		/* None is -1, as is the number of a bootstrap connection. */
		json_t *leader = json_object_get(partition, "leader");
		if (json_integer_value(leader) < 0 ||
		    !leader_fine(brokers, json_integer_value(leader)))
			return false;
	}
	return any;
}

bool kafka_stats_reachable(const char *json, size_t len)
{
	json_t *doc = json_loadb(json, len, 0, NULL);
	json_t *brokers = json_object_get(doc, "brokers");
	json_t *topics = json_object_get(doc, "topics");
	bool fine = any_up(brokers);
	const char *name;
	json_t *topic;
	json_object_foreach(topics, name, topic)
	{
		fine = fine && topic_reachable(topic, brokers);
	}
	json_decref(doc);
	return fine;
}

dur_us_t kafka_message_age(const rd_kafka_message_t *m)
{
	rd_kafka_timestamp_type_t type;
	int64_t ms = rd_kafka_message_timestamp(m, &type);
	dur_us_t age = clock_wall() - ms * 1000;
	return ms > 0 && age > 0 ? age : 0;
}
