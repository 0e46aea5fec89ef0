#include "common/kafka/consumer_conf.h"

#include "common/base/check.h"
#include "common/kafka/member.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAIRS = 40 };

struct properties {
	const char *pairs[PAIRS + 1];
	size_t n;
	char session[24], heartbeat[24], ahead[24];
};

static void add_pair(struct properties *p, const char *name, const char *value)
{
	CHECK(p->n + 2 <= PAIRS);
	p->pairs[p->n++] = name;
	p->pairs[p->n++] = value;
}

static void add_ms(struct properties *p, const char *name, char *text,
    size_t size, dur_us_t value)
{
	snprintf(text, size, "%lld", (long long)(value / 1000));
	add_pair(p, name, text);
}

size_t consumer_conf_ahead(size_t partitions, bool backs_off)
{
	enum { LEAST = 2048, ALL = 48 * 1024 };
	size_t share = partitions ? ALL / partitions : 0;
	return backs_off || share < LEAST ? LEAST : share;
}

/* How much is fetched ahead, and how soon a partition is looked at again that
 * had this much. */
static void add_ahead(struct properties *p, const struct consumer_options *o)
{
	bool backs_off = rd_kafka_version() >= 0x020200ff;
	if (backs_off)
		add_pair(p, "fetch.queue.backoff.ms", "5");
	snprintf(p->ahead, sizeof p->ahead, "%zu",
	    o->idle ? 1024 : consumer_conf_ahead(o->partitions, backs_off));
	add_pair(p, "queued.max.messages.kbytes", p->ahead);
}

/* Nothing is committed to Kafka: the watermarks are in the stores. And it must
 * not be: librdkafka sends a commit again after its connection broke. If the
 * member has joined anew by then, it has a new member id, and the coordinator
 * takes the old id for another process of the same name. It fences the member
 * (common/kafka/rejoin.h). */
static void add_common(struct properties *p, const char *group)
{
	add_pair(p, "group.id", group);
	add_pair(p, "enable.auto.commit", "false");
	add_pair(p, "enable.auto.offset.store", "false");
	add_pair(p, "auto.offset.reset", "error");
	add_pair(p, "statistics.interval.ms", "1000");
}

struct err consumer_conf(
    const struct consumer_options *o, rd_kafka_conf_t **out)
{
	struct properties p = {0};
	/* librdkafka always needs a group id. */
	add_common(&p, "sluice-tail");
	add_pair(&p, "enable.partition.eof", o->events->eof ? "true" : "false");
	add_pair(&p, "fetch.wait.max.ms", o->idle ? "250" : "20");
	add_ahead(&p, o);
	return kafka_conf(o->kafka, p.pairs, out);
}

/* `range`: Kafka refuses a group whose members have no strategy in common, and
 * librdkafka a mix of eager and cooperative ones. So members of several
 * versions can be in one group only if it stays. */
struct err consumer_conf_member(
    const struct membership_options *o, rd_kafka_conf_t **out)
{
	struct properties p = {0};
	add_common(&p, o->group);
	add_pair(&p, "partition.assignment.strategy", "range");
	if (o->instance && *o->instance)
		add_pair(&p, "group.instance.id", o->instance);
	if (o->session) {
		add_ms(&p, "session.timeout.ms", p.session, sizeof p.session,
		    o->session);
		add_ms(&p, "heartbeat.interval.ms", p.heartbeat,
		    sizeof p.heartbeat, member_heartbeat(o->session));
	}
	return kafka_conf(o->kafka, p.pairs, out);
}

dur_us_t consumer_conf_session(const rd_kafka_conf_t *conf)
{
	char text[24];
	size_t size = sizeof text;
	rd_kafka_conf_res_t res =
	    rd_kafka_conf_get(conf, "session.timeout.ms", text, &size);
	CHECK(res == RD_KAFKA_CONF_OK);
	return CLOCK_MS(strtol(text, NULL, 10));
}
