/* Checks that the log in Kafka is the log of Postgres's watermarks (pure core).
 *
 * With another log, the writer would drop writes silently, because versions
 * below the watermark count as applied. So each way in which the log can be
 * wrong has an error of its own, which says what to do.
 */
#pragma once

#include "writer/startup/log_offsets.h"

#include "common/log/version.h"

/* Each function returns OK or FATAL. */
struct err topic_checks_topic(const char *topic, int count, int wanted);
/* The settings that are checked for the topic of the writes and for the topic
 * of the ids; each list ends with NULL. */
extern const char *const topic_checks_of_writes[], *const topic_checks_of_ids[];
/* Checks a setting of these lists. */
struct err topic_checks_setting(
    const char *topic, const char *name, const char *value);
/* For the topic of the commits. `max` is a limit of Kafka for one message, as
 * text; `whose` names the limit. The largest document, with what goes with it,
 * must fit. */
enum { TOPIC_CHECKS_ROOM = 65536 };
struct err topic_checks_room(
    const char *whose, const char *max, size_t document_max);
/* For the topic of the commits: is min.compaction.lag.ms, as text, longer than
 * most standbys lag? */
enum { TOPIC_CHECKS_LAG_MS = 6 * 60 * 60 * 1000 };
bool topic_checks_lag(const char *ms);
struct err topic_checks_settings(
    const char *topic, int count, const struct common_settings *settings);
/* Is the number a valid epoch? Somebody may have changed the table. */
struct err topic_checks_epoch_number(int32_t number);
/* May this version work with a schema that demands this format at least? */
struct err topic_checks_schema(int32_t least);
/* An empty `known` matches every cluster. */
struct err topic_checks_cluster(const char *known, const char *found);
struct err topic_checks_epoch(uint32_t epoch, version_t watermark);
struct err topic_checks_ends(
    const char *topic, version_t watermark, const struct log_offsets_of *ends);
