/* Is the log in Kafka the one that Postgres's watermarks are of? (pure core)
 *
 * Every way in which it is not has its own words, and says the way out, because
 * to go on would drop writes silently: versions below the watermark are taken
 * for applied.
 */
#pragma once

#include "writer/startup/log_offsets.h"

#include "common/log/version.h"

/* Each OK or FATAL. */
struct err topic_checks_topic(const char *topic, int count, int wanted);
/* The settings that must be right of the topic of the writes, and of that of
 * the ids; each list ends with a NULL. */
extern const char *const topic_checks_of_writes[], *const topic_checks_of_ids[];
/* Of a setting in these lists. */
struct err topic_checks_setting(
    const char *topic, const char *name, const char *value);
/* Of the commits: `max` is a limit of Kafka's for one message, as text, and
 * `whose` says which. There must be room for the largest document and what goes
 * with it. */
enum { TOPIC_CHECKS_ROOM = 65536 };
struct err topic_checks_room(
    const char *whose, const char *max, size_t document_max);
/* Of the commits: is their min.compaction.lag.ms, as text, longer than most
 * standbys lag? */
enum { TOPIC_CHECKS_LAG_MS = 6 * 60 * 60 * 1000 };
bool topic_checks_lag(const char *ms);
struct err topic_checks_settings(
    const char *topic, int count, const struct common_settings *settings);
/* An empty `known` is any. */
/* Is it an epoch at all? The table may say anything. */
struct err topic_checks_epoch_number(int32_t number);
struct err topic_checks_cluster(const char *known, const char *found);
struct err topic_checks_epoch(uint32_t epoch, version_t watermark);
struct err topic_checks_ends(
    const char *topic, version_t watermark, const struct log_offsets_of *ends);
