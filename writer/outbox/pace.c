#include "writer/outbox/pace.h"

#include "common/base/mem.h"

#include <stdlib.h>

/* Versions that Postgres's watermark must reach; 0: any will do. */
struct pace_target {
	version_t now, before; /* of this window, of the one before */
};

struct pace {
	size_t window, told, n;
	struct pace_target *targets; /* by partition */
};

struct pace *pace_new(size_t partitions, size_t window)
{
	struct pace *p = MEM_NEW(struct pace);
	p->window = window;
	p->n = partitions;
	p->targets = mem_zalloc(partitions * sizeof *p->targets);
	return p;
}

void pace_free(struct pace **pp)
{
	struct pace *p = *pp;
	if (p == NULL)
		return;
	free(p->targets);
	free(p);
	*pp = NULL;
}

static struct pace_target *pace_target_of(
    const struct pace *p, int32_t partition)
{
	return partition >= 0 && (size_t)partition < p->n
		   ? &p->targets[partition]
		   : NULL;
}

void pace_told(struct pace *p, struct position at)
{
	struct pace_target *t = pace_target_of(p, at.partition);
	p->told++;
	if (t && at.version >= t->now)
		t->now = at.version + 1;
}

bool pace_due(const struct pace *p)
{
	return p->told >= p->window;
}

bool pace_applied(const struct pace *p, struct position at)
{
	const struct pace_target *t = pace_target_of(p, at.partition);
	return t == NULL || at.version >= t->before;
}

void pace_turn(struct pace *p)
{
	for (size_t i = 0; i < p->n; i++)
		p->targets[i].before = p->targets[i].now;
	p->told = 0;
}
