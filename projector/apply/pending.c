#include "projector/apply/pending.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { HIGH = 2048, LOW = 512, HIGH_BYTES = 8 << 20, LOW_BYTES = 2 << 20 };

void pending_push(struct pending *p, rd_kafka_message_t *m)
{
	/* Room in front rather than more memory, once it is half of it. */
	if (p->head > 0 && p->head >= p->n && p->head + p->n == p->cap) {
		memmove(p->items, &p->items[p->head], p->n * sizeof *p->items);
		p->head = 0;
	}
	MEM_GROW(p->items, p->cap, p->head + p->n);
	p->items[p->head + p->n++] = m;
	p->bytes += m->len;
}

rd_kafka_message_t *pending_pop(struct pending *p)
{
	CHECK(p->n > 0);
	rd_kafka_message_t *m = p->items[p->head++];
	p->bytes -= m->len;
	if (--p->n == 0)
		p->head = 0;
	return m;
}

const rd_kafka_message_t *pending_first(const struct pending *p)
{
	CHECK(p->n > 0);
	return p->items[p->head];
}

bool pending_is_high(const struct pending *p)
{
	return p->n >= HIGH || p->bytes >= HIGH_BYTES;
}

bool pending_is_low(const struct pending *p)
{
	return p->n <= LOW && p->bytes <= LOW_BYTES;
}

void pending_clear(struct pending *p)
{
	while (p->n)
		rd_kafka_message_destroy(pending_pop(p));
}

void pending_free(struct pending *p)
{
	pending_clear(p);
	free(p->items);
	*p = (struct pending){0};
}
