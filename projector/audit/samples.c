/* One FIFO per check: samples come to each of them in the order in which they
 * were heard, so the first is the next that is due.
 */
#include "projector/audit/samples.h"

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

const dur_us_t sample_ages[SAMPLE_CHECKS] = {
    CLOCK_S(1), CLOCK_S(10), CLOCK_S(60)};

struct fifo {
	struct sample *first, **last;
};

struct samples {
	dur_us_t interval; /* between two that begin */
	mono_us_t next_at;
	size_t max, n;
	struct sample **slots;
	size_t nslots; /* a power of two */
	struct fifo waiting[SAMPLE_CHECKS];
};

static struct sample **samples_slot_of(
    const struct samples *s, const char *id, size_t len)
{
	return &s->slots[hash_bytes(id, len) & (s->nslots - 1)];
}

static struct sample *samples_find(
    const struct samples *s, const char *id, size_t len)
{
	struct sample *one = *samples_slot_of(s, id, len);
	while (one && (one->id_len != len || memcmp(one->id, id, len) != 0))
		one = one->same_slot;
	return one;
}

static void samples_enqueue(struct fifo *f, struct sample *one)
{
	one->next_due = NULL;
	*f->last = one;
	f->last = &one->next_due;
}

struct samples *samples_new(size_t rate)
{
	struct samples *s = MEM_NEW(struct samples);
	CHECK(rate > 0);
	s->interval = CLOCK_S(1) / (dur_us_t)rate;
	s->max = rate * 61;
	s->nslots = 64;
	while (s->nslots < s->max)
		s->nslots *= 2;
	s->slots = mem_zalloc(s->nslots * sizeof(struct sample *));
	for (size_t i = 0; i < SAMPLE_CHECKS; i++)
		s->waiting[i].last = &s->waiting[i].first;
	return s;
}

static bool may_add(const struct samples *s, mono_us_t now)
{
	return s->n < s->max && now >= s->next_at;
}

bool samples_want(const struct samples *s, const char *id, size_t len,
    bool may_begin, mono_us_t now)
{
	return (may_begin && may_add(s, now)) ||
	       (s->n && samples_find(s, id, len));
}

void samples_hear(struct samples *s, const char *id, size_t len,
    int32_t partition, const struct audit_commit *c, bool may_begin,
    mono_us_t now)
{
	struct sample *one = samples_find(s, id, len);
	if (one) {
		if (c->version > one->commit.version)
			one->commit = *c;
		return;
	}
	if (!may_begin || !may_add(s, now))
		return;
	one = MEM_NEW(struct sample);
	*one = (struct sample){.id = mem_strndup(id, len),
	    .id_len = len,
	    .partition = partition,
	    .commit = *c,
	    .heard_at = now,
	    .refs = 1};
	struct sample **slot = samples_slot_of(s, id, len);
	one->same_slot = *slot;
	*slot = one;
	samples_enqueue(&s->waiting[0], one);
	s->n++;
	s->next_at = now + s->interval;
}

static void samples_forget(struct samples *s, struct sample *one)
{
	struct sample **at = samples_slot_of(s, one->id, one->id_len);
	while (*at != one)
		at = &(*at)->same_slot;
	*at = one->same_slot;
	one->dropped = true;
}

static struct sample *samples_take_first(struct fifo *f)
{
	struct sample *one = f->first;
	f->first = one->next_due;
	if (f->first == NULL)
		f->last = &f->first;
	return one;
}

struct sample *samples_due(struct samples *s, mono_us_t now)
{
	for (unsigned i = 0; i < SAMPLE_CHECKS; i++) {
		struct fifo *f = &s->waiting[i];
		while (f->first && now - f->first->heard_at >= sample_ages[i]) {
			struct sample *one = samples_take_first(f);
			if (one->dropped) {
				samples_release(s, &one);
				continue;
			}
			if (i + 1 < SAMPLE_CHECKS) {
				samples_hold(one);
				samples_enqueue(&s->waiting[i + 1], one);
			}
			return one;
		}
	}
	return NULL;
}

void samples_hold(struct sample *one)
{
	one->refs++;
}

void samples_release(struct samples *s, struct sample **op)
{
	struct sample *one = *op;
	*op = NULL;
	CHECK(one->refs > 0);
	if (--one->refs > 0)
		return;
	if (!one->dropped)
		samples_forget(s, one);
	s->n--;
	free(one->id);
	free(one);
}

void samples_drop(struct samples *s, int32_t partition)
{
	for (size_t i = 0; i < s->nslots; i++) {
		for (struct sample *one = s->slots[i], *next; one; one = next) {
			next = one->same_slot;
			if (partition < 0 || one->partition == partition)
				samples_forget(s, one);
		}
	}
}

size_t samples_count(const struct samples *s)
{
	return s->n;
}

void samples_free(struct samples **sp)
{
	struct samples *s = *sp;
	if (s == NULL)
		return;
	for (size_t i = 0; i < SAMPLE_CHECKS; i++) {
		while (s->waiting[i].first) {
			struct sample *one = samples_take_first(&s->waiting[i]);
			samples_release(s, &one);
		}
	}
	CHECK(s->n == 0);
	free(s->slots);
	free(s);
	*sp = NULL;
}
