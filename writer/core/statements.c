/* The fence is a function, not a bare UPDATE, because a transaction that goes
 * over the wire in one piece must fail by itself when it matches no row: nobody
 * looks at the count before COMMIT.
 */
#include "writer/core/statements.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/sql/sql.h"

#include <stdlib.h>

const char statements_fence[] = "SELECT sluice.fence($1, $2, $3)";

/* What is there already came from the same write. */
const char statements_reject[] =
    "INSERT INTO sluice.rejections (\"partition\", version, collection,"
    " \"key\", op, reason, detail, body, accepted_at)"
    " SELECT $1::int4, r.version, r.collection, r.\"key\", r.op, r.reason,"
    " nullif(r.detail, ''), nullif(r.body, ''),"
    " timestamptz 'epoch' + r.accepted_at * interval '1 microsecond'"
    " FROM unnest($2::int8[], $3::text[], $4::text[], $5::text[],"
    " $6::text[], $7::text[], $8::bytea[], $9::int8[])"
    " AS r(version, collection, \"key\", op, reason, detail, body,"
    " accepted_at)"
    " ON CONFLICT DO NOTHING";

const char statements_progress[] =
    "SELECT \"partition\", next_offset FROM sluice.progress"
    " WHERE \"partition\" = ANY($1::int4[]) ORDER BY \"partition\""
    " FOR UPDATE";

const char statements_obeyed[] =
    "DELETE FROM sluice.orders"
    " WHERE \"partition\" = $1::int4 AND version <= $2::int8";

const char statements_rejected[] =
    "SELECT version, reason, left(coalesce(detail, ''), 300) AS detail,"
    " 0 AS p, 0::int8 AS v, '' AS outcome, '' AS row_key"
    " FROM sluice.rejections"
    " WHERE \"partition\" = $1::int4 AND version >= $2::int8"
    " AND version < $3::int8 UNION ALL"
    " SELECT version, 'replayed', '', first_partition, first_version, outcome,"
    " coalesce(first_key, '') FROM sluice.replays"
    " WHERE \"partition\" = $1::int4 AND version >= $2::int8"
    " AND version < $3::int8 ORDER BY version";

const char statements_known[] =
    "SELECT i.\"key\", i.fingerprint, i.\"partition\", i.version, i.outcome,"
    " coalesce(i.row_key, '')"
    " FROM sluice.idempotency i WHERE i.\"key\" = ANY($1::text[])"
    " ORDER BY i.\"key\"";

const char statements_forget[] =
    "DELETE FROM sluice.idempotency WHERE \"key\" = ANY($1::text[])";

const char statements_remember[] =
    "INSERT INTO sluice.idempotency (\"key\", fingerprint, \"partition\","
    " version, outcome, row_key)"
    " SELECT r.\"key\", r.fingerprint, $3::int4, r.version, r.outcome,"
    " r.row_key"
    " FROM unnest($1::text[], $2::int8[], $4::int8[], $5::text[], $6::text[])"
    " AS r(\"key\", fingerprint, version, outcome, row_key)";

const char statements_replay[] =
    "INSERT INTO sluice.replays (\"partition\", version, first_partition,"
    " first_version, outcome, first_key)"
    " SELECT $1::int4, r.version, r.p, r.v, r.outcome, r.row_key"
    " FROM unnest($2::int8[], $3::int4[], $4::int8[], $5::text[], $6::text[])"
    " AS r(version, p, v, outcome, row_key) ON CONFLICT DO NOTHING";

const char statements_producers[] =
    "INSERT INTO sluice.producers AS p (\"partition\", instance, last_seq)"
    " SELECT $1::int4, r.instance, r.seq"
    " FROM unnest($2::text[], $3::int8[]) AS r(instance, seq)"
    " ON CONFLICT (\"partition\", instance) DO UPDATE"
    " SET last_seq = excluded.last_seq, seen_at = now()";

const char statements_seen[] =
    "SELECT \"partition\", instance, last_seq FROM sluice.producers"
    " WHERE \"partition\" = ANY($1::int4[])";

const char statements_log[] =
    "SELECT topic, partitions, epoch, coalesce(cluster, '') FROM sluice.log";

const char statements_cluster[] =
    "UPDATE sluice.log SET cluster = $1 WHERE cluster IS NULL";

static char *erase_of(const struct collection *c)
{
	struct buf b = {0};
	buf_str(&b, "WITH gone AS (");
	sql_delete(&b, c);
	buf_str(&b,
	    "), noted AS (INSERT INTO sluice.rejections (\"partition\","
	    " version, collection, \"key\", op, reason, accepted_at)"
	    " SELECT $6::int4, f.version, $7::text, f.\"key\", 'delete',"
	    " 'not-found',"
	    " timestamptz 'epoch' + f.accepted_at * interval '1 microsecond'"
	    " FROM unnest($3::text[], $4::int8[], $5::int8[])"
	    " AS f(\"key\", version, accepted_at)"
	    " WHERE NOT EXISTS (SELECT FROM gone g WHERE g.\"key\" = f.\"key\")"
	    " ON CONFLICT DO NOTHING)"
	    " SELECT gone.\"key\" FROM gone");
	return buf_take(&b, NULL);
}

static char *statements_text_of(
    void (*make)(struct buf *, const struct collection *),
    const struct collection *c)
{
	struct buf b = {0};
	make(&b, c);
	return buf_take(&b, NULL);
}

struct statements *statements_new(void)
{
	struct statements *s = MEM_NEW(struct statements);
	while (collection_at(s->n))
		s->n++;
	s->of = mem_zalloc(s->n * sizeof *s->of);
	for (size_t i = 0; i < s->n; i++) {
		const struct collection *c = collection_at(i);
		s->of[i] = (struct statements_of){c, erase_of(c),
		    statements_text_of(sql_upsert, c),
		    statements_text_of(sql_current, c),
		    statements_text_of(sql_versions, c),
		    statements_text_of(sql_read_within, c)};
	}
	return s;
}

void statements_free(struct statements **sp)
{
	struct statements *s = *sp;
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++) {
		free(s->of[i].erase);
		free(s->of[i].upsert);
		free(s->of[i].current);
		free(s->of[i].versions);
		free(s->of[i].read);
	}
	free(s->of);
	free(s);
	*sp = NULL;
}

const struct statements_of *statements_for(
    const struct statements *s, const struct collection *c)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->of[i].collection == c)
			return &s->of[i];
	}
	UNREACHABLE("a collection without statements");
}
