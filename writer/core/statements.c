#include "writer/core/statements.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/sql/bookkeeping.h"
#include "common/sql/sql.h"

#include <stdlib.h>

static char *erase_of(const struct collection *c)
{
	struct buf b = {0};
	buf_str(&b, "WITH gone AS (");
	sql_delete(&b, c);
	buf_printf(&b, "), noted AS (%s) SELECT gone.\"key\" FROM gone",
	    bookkeeping_reject_missing.sql);
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
	statements_add(s);
	return s;
}

void statements_add(struct statements *s)
{
	const struct collection *c;
	for (; (c = collection_at(s->n)) != NULL; s->n++)
		s->of[s->n] = (struct statements_of){c, erase_of(c),
		    statements_text_of(sql_upsert, c),
		    statements_text_of(sql_insert, c),
		    statements_text_of(sql_current, c),
		    statements_text_of(sql_versions, c),
		    statements_text_of(sql_read_within, c),
		    statements_text_of(sql_touch, c)};
}

void statements_free(struct statements **sp)
{
	struct statements *s = *sp;
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++) {
		free(s->of[i].erase);
		free(s->of[i].upsert);
		free(s->of[i].insert);
		free(s->of[i].current);
		free(s->of[i].versions);
		free(s->of[i].read);
		free(s->of[i].touch);
	}
	free(s);
	*sp = NULL;
}

const struct statements_of *statements_for(
    const struct statements *s, const struct collection *c)
{
	CHECK(c->index < s->n);
	return &s->of[c->index];
}
