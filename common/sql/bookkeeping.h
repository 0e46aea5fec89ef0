/* The tables of the schema sluice, and every statement on them.
 *
 * The SQL is in common/sql/bookkeeping.sql, with the parameters and the columns
 * of each statement; common/sql/bookkeeping_tables.sql makes the tables.
 */
#pragma once

#include "common/postgres/pg_statement.h"

extern const struct pg_statement bookkeeping_migrated;
extern const struct pg_statement bookkeeping_log;
extern const struct pg_statement bookkeeping_log_cluster;
extern const struct pg_statement bookkeeping_schema_format;
extern const struct pg_statement bookkeeping_note_schema;
extern const struct pg_statement bookkeeping_note_cluster;
extern const struct pg_statement bookkeeping_begin_log;
extern const struct pg_statement bookkeeping_next_log;
extern const struct pg_statement bookkeeping_fence;
extern const struct pg_statement bookkeeping_progress;
extern const struct pg_statement bookkeeping_progress_ordered;
extern const struct pg_statement bookkeeping_progress_locked;
extern const struct pg_statement bookkeeping_progress_locked_of;
extern const struct pg_statement bookkeeping_progress_of;
extern const struct pg_statement bookkeeping_epoch_and_progress;
extern const struct pg_statement bookkeeping_begin_progress;
extern const struct pg_statement bookkeeping_end_progress;
extern const struct pg_statement bookkeeping_next_progress;
extern const struct pg_statement bookkeeping_end_blockers;
extern const struct pg_statement bookkeeping_end_epoch;
extern const struct pg_statement bookkeeping_collections;
extern const struct pg_statement bookkeeping_note_collection;
extern const struct pg_statement bookkeeping_reject;
extern const struct pg_statement bookkeeping_reject_missing;
extern const struct pg_statement bookkeeping_replay;
extern const struct pg_statement bookkeeping_verdicts;
extern const struct pg_statement bookkeeping_decision;
extern const struct pg_statement bookkeeping_list_rejections;
extern const struct pg_statement bookkeeping_discard_rejection;
extern const struct pg_statement bookkeeping_claim_rejection;
extern const struct pg_statement bookkeeping_release_rejection;
extern const struct pg_statement bookkeeping_note_successor;
extern const struct pg_statement bookkeeping_orders;
extern const struct pg_statement bookkeeping_order;
extern const struct pg_statement bookkeeping_obeyed;
extern const struct pg_statement bookkeeping_known;
extern const struct pg_statement bookkeeping_forget;
extern const struct pg_statement bookkeeping_remember;
extern const struct pg_statement bookkeeping_note_producers;
extern const struct pg_statement bookkeeping_producers;
extern const struct pg_statement bookkeeping_note_checkpoints;
extern const struct pg_statement bookkeeping_move_horizon;
extern const struct pg_statement bookkeeping_prune_rejections;
extern const struct pg_statement bookkeeping_prune_replays;
extern const struct pg_statement bookkeeping_prune_checkpoints;
extern const struct pg_statement bookkeeping_prune_rejections_gone;
extern const struct pg_statement bookkeeping_prune_checkpoints_gone;
extern const struct pg_statement bookkeeping_prune_replays_gone;
extern const struct pg_statement bookkeeping_prune_idempotency;
extern const struct pg_statement bookkeeping_prune_producers;
extern const struct pg_statement bookkeeping_outbox_lock;
extern const struct pg_statement bookkeeping_triggers_missing;
extern const struct pg_statement bookkeeping_outbox_next;
extern const struct pg_statement bookkeeping_outbox_delete;

/* The constraint that bookkeeping_remember breaks where another partition was
 * faster. */
#define BOOKKEEPING_KEY_TAKEN "idempotency_pkey"
/* The rows that a statement bookkeeping_prune_… deletes, at most. */
enum { BOOKKEEPING_PRUNE_ROWS = 1000 };
/* The rows that bookkeeping_outbox_next returns, at most. */
enum { BOOKKEEPING_OUTBOX_ROWS = 5000 };

/* Appends a script that makes the tables; and, where they are not there yet,
 * the row of sluice.log and the rows of sluice.progress for this topic. */
void bookkeeping_schema(struct buf *out, const char *topic, int partitions);
