#include "writer/decide/dedup.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* NULL: not seen yet. */
static struct producer_seen *dedup_find(
    struct dedup *p, const char *instance, size_t len)
{
	CHECK(len <= RECORD_INSTANCE_LEN);
	for (size_t i = 0; i < p->n; i++) {
		size_t at = (p->last + i) % p->n;
		const char *one = p->all[at].instance;
		if (strlen(one) != len || memcmp(one, instance, len) != 0)
			continue;
		p->last = at;
		return &p->all[at];
	}
	return NULL;
}

void dedup_set(struct dedup *p, const char *instance, size_t len, uint64_t seq)
{
	struct producer_seen *seen = dedup_find(p, instance, len);
	if (seen == NULL) {
		MEM_GROW(p->all, p->cap, p->n);
		seen = &p->all[p->n++];
		*seen = (struct producer_seen){0};
		memcpy(seen->instance, instance, len);
	}
	seen->seq = seq;
}

void dedup_judge(const struct dedup *p, const struct write *writes, size_t n,
    bool *out, struct dedup *next)
{
	struct dedup before = *p;
	for (size_t i = 0; i < n; i++) {
		const struct record_write *r = &writes[i].said;
		if (!writes[i].has_op)
			continue;
		const struct producer_seen *seen =
		    dedup_find(next, r->instance, RECORD_INSTANCE_LEN);
		if (seen == NULL)
			seen = dedup_find(
			    &before, r->instance, RECORD_INSTANCE_LEN);
		out[i] = seen && r->seq <= seen->seq;
		if (!out[i])
			dedup_set(
			    next, r->instance, RECORD_INSTANCE_LEN, r->seq);
	}
}

void dedup_adopt(struct dedup *p, const struct dedup *next)
{
	for (size_t i = 0; i < next->n; i++)
		dedup_set(p, next->all[i].instance, RECORD_INSTANCE_LEN,
		    next->all[i].seq);
}

void dedup_free(struct dedup *p)
{
	free(p->all);
	*p = (struct dedup){0};
}
