#include "writer/startup/topic_checks.h"

#include "common/log/stored_formats.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAY_OUT "see docs/operations.md, Moving to a new log"

struct err topic_checks_topic(const char *topic, int count, int wanted)
{
	if (count == wanted)
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "log.partitions",
	    "topic %s has %d partitions, but log.partitions is %d: the number "
	    "of "
	    "partitions of a log never changes; set log.partitions to what the "
	    "log was made with, or " WAY_OUT,
	    topic, count, wanted);
}

static struct err check_policy(const char *topic, const char *policy)
{
	if (strcmp(policy, "delete") == 0)
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "log.compacted",
	    "topic %s has cleanup.policy=%s; it must be delete (compaction "
	    "drops records that are needed): kafka-configs.sh "
	    "--alter --topic %s --add-config cleanup.policy=delete",
	    topic, policy, topic);
}

static struct err check_kept(
    const char *topic, const char *name, const char *value)
{
	if (strcmp(value, "-1") == 0)
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "log.deleted",
	    "topic %s has %s=%s; it must be -1 (its records are needed for "
	    "ever): kafka-configs.sh --alter --topic %s --add-config "
	    "%s=-1",
	    topic, name, value, topic, name);
}

#define POLICY "cleanup.policy"
const char *const topic_checks_of_writes[] = {POLICY, NULL};
const char *const topic_checks_of_ids[] = {
    POLICY, "retention.ms", "retention.bytes", NULL};

struct err topic_checks_setting(
    const char *topic, const char *name, const char *value)
{
	return strcmp(name, POLICY) == 0 ? check_policy(topic, value)
					 : check_kept(topic, name, value);
}

struct err topic_checks_room(
    const char *whose, const char *max, size_t document_max)
{
	size_t needed = document_max + TOPIC_CHECKS_ROOM;
	char *end;
	unsigned long long bytes = strtoull(max, &end, 10);
	if (*max == '\0' || *end || bytes >= needed)
		return ERR_OK; /* a value that is not a number is not checked */
	return err_make(ERR_KIND_FATAL, "log.room",
	    "%s is %s: with a document.max_bytes of %zu it must be at least "
	    "%zu; raise it, or lower document.max_bytes of every daemon",
	    whose, max, document_max, needed);
}

bool topic_checks_lag(const char *ms)
{
	char *end;
	unsigned long long lag = strtoull(ms, &end, 10);
	/* A value that is not a number is not checked. */
	return *ms == '\0' || *end || lag >= TOPIC_CHECKS_LAG_MS;
}

struct err topic_checks_settings(
    const char *topic, int count, const struct common_settings *s)
{
	if (strcmp(topic, s->writes_topic) == 0 && count == s->partitions)
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "log.settings",
	    "the database belongs to the log '%s' with %d partitions, "
	    "log.writes and log.partitions say '%s' with %d: set them to what "
	    "the database says, or " WAY_OUT,
	    topic, count, s->writes_topic, (int)s->partitions);
}

struct err topic_checks_epoch_number(int32_t number)
{
	if (number >= 0 && number <= VERSION_EPOCH_MAX)
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "log.epoch",
	    "sluice.log has the epoch %d, but allowed are 0 to %d: somebody "
	    "else wrote that row",
	    (int)number, VERSION_EPOCH_MAX);
}

struct err topic_checks_schema(int32_t least)
{
	if (least <= STORED_SCHEMA)
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "schema.newer",
	    "the schema sluice was migrated by a newer version, whose daemons "
	    "must know its format %d; this version knows up to %d: start the "
	    "newer version instead",
	    (int)least, STORED_SCHEMA);
}

struct err topic_checks_cluster(const char *known, const char *found)
{
	if (*known == '\0' || strcmp(known, found) == 0)
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "log.cluster",
	    "the log of this database is in the Kafka cluster %s, "
	    "kafka.bootstrap.servers leads to %s: set it to the right one, "
	    "or " WAY_OUT,
	    known, found);
}

struct err topic_checks_epoch(uint32_t epoch, version_t watermark)
{
	if (version_epoch(watermark) == epoch)
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "log.epoch",
	    "the database moved to epoch %u of the log, this writer is at %u: "
	    "start it again with the settings of the new log",
	    version_epoch(watermark), epoch);
}

struct err topic_checks_ends(
    const char *topic, version_t watermark, const struct log_offsets_of *ends)
{
	int64_t next = version_offset(watermark);
	if (next < ends->low)
		return err_make(ERR_KIND_FATAL, "log.overrun",
		    "partition %d of %s begins at offset %" PRId64
		    ", and %" PRId64 " is next: the retention deleted writes "
		    "that were never applied; " WAY_OUT,
		    ends->partition, topic, ends->low, next);
	if (next > ends->high && ends->high == 0)
		return err_make(ERR_KIND_FATAL, "log.recreated",
		    "partition %d of %s is empty, and offset %" PRId64
		    " is next: the topic was made again; " WAY_OUT,
		    ends->partition, topic, next);
	if (next > ends->high)
		return err_make(ERR_KIND_FATAL, "log.truncated",
		    "partition %d of %s ends at offset %" PRId64
		    ", and %" PRId64 " is next: the log was cut, or the topic "
		    "made again; " WAY_OUT,
		    ends->partition, topic, ends->high, next);
	return ERR_OK;
}
