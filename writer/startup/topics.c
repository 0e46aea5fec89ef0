#include "writer/startup/topics.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

struct topics {
	rd_kafka_t *rk;
};

struct err topics_new(const struct kafka_config *k, struct topics **out)
{
	rd_kafka_t *rk;
	*out = NULL;
	struct err e = kafka_plain(k, RD_KAFKA_PRODUCER, NULL, &rk);
	if (e.kind != ERR_KIND_OK)
		return e;
	*out = MEM_NEW(struct topics);
	(*out)->rk = rk;
	return ERR_OK;
}

static struct err topics_failed(rd_kafka_resp_err_t err, const char *what)
{
	return err_make(ERR_KIND_RETRY, rd_kafka_err2name(err), "%s: %s", what,
	    rd_kafka_err2str(err));
}

struct err topics_count(
    struct topics *t, const char *topic, dur_us_t timeout, int *count)
{
	const struct rd_kafka_metadata *all;
	rd_kafka_resp_err_t err =
	    rd_kafka_metadata(t->rk, 1, NULL, &all, (int)(timeout / 1000));
	*count = 0;
	if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
		rd_kafka_metadata_destroy(all);
	else
		return topics_failed(err, "the list of topics");
	rd_kafka_topic_t *handle = rd_kafka_topic_new(t->rk, topic, NULL);
	err = rd_kafka_metadata(t->rk, 0, handle, &all, (int)(timeout / 1000));
	rd_kafka_topic_destroy(handle);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return topics_failed(err, topic);
	if (all->topic_cnt == 1)
		*count = all->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(all);
	return ERR_OK;
}

struct err topics_ends(struct topics *t, const char *topic, int32_t partition,
    dur_us_t timeout, int64_t *low, int64_t *high)
{
	rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(
	    t->rk, topic, partition, low, high, (int)(timeout / 1000));
	return err == RD_KAFKA_RESP_ERR_NO_ERROR ? ERR_OK
						 : topics_failed(err, topic);
}

char *topics_cluster(struct topics *t, dur_us_t timeout)
{
	char *id = rd_kafka_clusterid(t->rk, (int)(timeout / 1000));
	char *copy = id ? mem_strdup(id) : NULL;
	if (id)
		rd_kafka_mem_free(t->rk, id);
	return copy;
}

/* A refusal of the broker is an answer, too. */
static struct err not_told(
    rd_kafka_resp_err_t err, const char *topic, const char *text)
{
	bool local = err < RD_KAFKA_RESP_ERR_UNKNOWN &&
		     err != RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
	if (local || err == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT)
		return topics_failed(err, topic);
	return err_make(ERR_KIND_REJECT, rd_kafka_err2name(err), "%s: %s",
	    topic, text ? text : rd_kafka_err2str(err));
}

/* The value in the one resource of a DescribeConfigs answer. */
static struct err told(
    rd_kafka_event_t *event, const char *topic, const char *name, char **value)
{
	size_t n = 0;
	const rd_kafka_DescribeConfigs_result_t *r =
	    rd_kafka_event_DescribeConfigs_result(event);
	if (r == NULL || rd_kafka_event_error(event))
		return not_told(rd_kafka_event_error(event), topic,
		    rd_kafka_event_error_string(event));
	const rd_kafka_ConfigResource_t **all =
	    rd_kafka_DescribeConfigs_result_resources(r, &n);
	CHECK(n == 1);
	rd_kafka_resp_err_t err = rd_kafka_ConfigResource_error(all[0]);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return not_told(
		    err, topic, rd_kafka_ConfigResource_error_string(all[0]));
	const rd_kafka_ConfigEntry_t **entries =
	    rd_kafka_ConfigResource_configs(all[0], &n);
	for (size_t i = 0; i < n && *value == NULL; i++) {
		const char *v = rd_kafka_ConfigEntry_value(entries[i]);
		if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0 &&
		    v)
			*value = mem_strdup(v);
	}
	if (*value)
		return ERR_OK;
	return err_make(ERR_KIND_REJECT, "config", "%s: no %s", topic, name);
}

struct err topics_setting(struct topics *t, const char *topic, const char *name,
    dur_us_t timeout, char **value)
{
	char text[256];
	int ms = (int)(timeout / 1000);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(t->rk);
	rd_kafka_AdminOptions_t *options =
	    rd_kafka_AdminOptions_new(t->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
	rd_kafka_AdminOptions_set_request_timeout(
	    options, ms, text, sizeof text);
	rd_kafka_ConfigResource_t *resource =
	    rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
	*value = NULL;
	rd_kafka_DescribeConfigs(t->rk, &resource, 1, options, queue);
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ms + 1000);
	struct err e = event
			   ? told(event, topic, name, value)
			   : topics_failed(RD_KAFKA_RESP_ERR__TIMED_OUT, topic);
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_ConfigResource_destroy(resource);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(queue);
	return e;
}

/* The result for the one topic of a CreateTopics answer. */
static struct err created(rd_kafka_event_t *event, const char *topic)
{
	size_t n = 0;
	const rd_kafka_CreateTopics_result_t *r =
	    rd_kafka_event_CreateTopics_result(event);
	if (r == NULL || rd_kafka_event_error(event))
		return topics_failed(rd_kafka_event_error(event), topic);
	const rd_kafka_topic_result_t *const *topics =
	    (const rd_kafka_topic_result_t *const *)
		rd_kafka_CreateTopics_result_topics(r, &n);
	CHECK(n == 1);
	rd_kafka_resp_err_t err = rd_kafka_topic_result_error(topics[0]);
	if (err == RD_KAFKA_RESP_ERR_NO_ERROR ||
	    err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		return ERR_OK;
	const char *text = rd_kafka_topic_result_error_string(topics[0]);
	return err_make(ERR_KIND_FATAL, rd_kafka_err2name(err), "%s: %s", topic,
	    text ? text : rd_kafka_err2str(err));
}

static struct err request(
    struct topics *t, rd_kafka_NewTopic_t *topic, dur_us_t timeout)
{
	char text[256];
	rd_kafka_queue_t *queue = rd_kafka_queue_new(t->rk);
	rd_kafka_AdminOptions_t *options =
	    rd_kafka_AdminOptions_new(t->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	int ms = (int)(timeout / 1000);
	rd_kafka_AdminOptions_set_request_timeout(
	    options, ms, text, sizeof text);
	rd_kafka_AdminOptions_set_operation_timeout(
	    options, ms, text, sizeof text);
	rd_kafka_CreateTopics(t->rk, &topic, 1, options, queue);
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ms + 1000);
	struct err e =
	    event ? created(event, "CreateTopics")
		  : topics_failed(RD_KAFKA_RESP_ERR__TIMED_OUT, "create");
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(queue);
	return e;
}

struct err topics_create(
    struct topics *t, const struct topic_plan *plan, dur_us_t timeout)
{
	char text[256];
	rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(
	    plan->name, plan->partitions, plan->replication, text, sizeof text);
	if (topic == NULL)
		return err_make(
		    ERR_KIND_FATAL, "config", "%s: %s", plan->name, text);
	for (const struct topic_config *c = plan->configs; c->name; c++)
		rd_kafka_NewTopic_set_config(topic, c->name, c->value);
	struct err e = request(t, topic, timeout);
	rd_kafka_NewTopic_destroy(topic);
	return e;
}

void topics_free(struct topics **t)
{
	if (*t == NULL)
		return;
	rd_kafka_destroy((*t)->rk);
	free(*t);
	*t = NULL;
}
