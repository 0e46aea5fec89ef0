/* Known writes are kept as spans, one for each mark, sorted and without
 * overlap; and as verdicts, sorted by version. Both usually grow at the end.
 * Only after a mark that starts the partition anew, something in the middle is
 * replaced.
 */
#include "writer/decide/announced.h"

#include "writer/decide/arena.h"

#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

struct span {
	version_t from;
	version_t to;
};

struct announced {
	version_t from;
	bool started;
	version_t end; /* the watermark of a follower of the marks */
	struct span *spans;
	size_t nspans, cap_spans;
	struct record_verdict *verdicts;
	size_t n, cap;
	struct arena texts;
};

struct announced *announced_new(version_t from)
{
	struct announced *a = MEM_NEW(struct announced);
	a->from = from;
	return a;
}

/* The first span that ends above the version. */
static size_t span_at(const struct announced *a, version_t v)
{
	size_t low = 0, high = a->nspans;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (a->spans[mid].to > v)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

/* The first verdict at or above the version. */
static size_t verdict_at(const struct announced *a, version_t v)
{
	size_t low = 0, high = a->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (a->verdicts[mid].version >= v)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

/* --- spans --------------------------------------------------------------- */

static void insert_span(struct announced *a, size_t at, struct span s)
{
	MEM_GROW(a->spans, a->cap_spans, a->nspans);
	memmove(&a->spans[at + 1], &a->spans[at],
	    (a->nspans - at) * sizeof *a->spans);
	a->spans[at] = s;
	a->nspans++;
}

static void remove_spans(struct announced *a, size_t at, size_t n)
{
	if (n == 0)
		return;
	memmove(&a->spans[at], &a->spans[at + n],
	    (a->nspans - at - n) * sizeof *a->spans);
	a->nspans -= n;
}

static bool is_room(const struct announced *a)
{
	return a->nspans < ANNOUNCED_MOST && a->n < ANNOUNCED_MOST &&
	       a->texts.bytes < ANNOUNCED_BYTES;
}

/* Adds the span; other spans lose the part that it covers. */
static void cover(struct announced *a, struct span s)
{
	size_t at = span_at(a, s.from), n = 0;
	if (at < a->nspans && a->spans[at].from < s.from) {
		struct span rest = {s.to, a->spans[at].to};
		a->spans[at++].to = s.from;
		if (rest.from < rest.to)
			insert_span(a, at, rest);
	}
	while (at + n < a->nspans && a->spans[at + n].to <= s.to)
		n++;
	remove_spans(a, at, n);
	if (at < a->nspans && a->spans[at].from < s.to)
		a->spans[at].from = s.to;
	insert_span(a, at, s);
}

/* --- verdicts ------------------------------------------------------------ */

static struct jsonslice announced_keep(
    struct announced *a, struct jsonslice text)
{
	return text.s ? arena_keep(&a->texts, text.s, text.len) : text;
}

/* A replay cannot be announced again if its first write is not known. */
static bool announced_is_enough(const struct record_verdict *r)
{
	return !r->replayed || (r->first.has_position && r->first.outcome.s);
}

static void insert_verdict(struct announced *a, const struct record_verdict *r)
{
	size_t at = verdict_at(a, r->version);
	if (at < a->n && a->verdicts[at].version == r->version)
		return; /* twice in one mark */
	MEM_GROW(a->verdicts, a->cap, a->n);
	memmove(&a->verdicts[at + 1], &a->verdicts[at],
	    (a->n - at) * sizeof *a->verdicts);
	a->n++;
	struct record_verdict *out = &a->verdicts[at];
	*out = *r;
	out->detail = announced_keep(a, r->detail);
	out->first.outcome = announced_keep(a, r->first.outcome);
	out->first.key = announced_keep(a, r->first.key);
}

static void remove_verdicts(struct announced *a, const struct span *s)
{
	size_t first = verdict_at(a, s->from), last = verdict_at(a, s->to);
	if (first == last)
		return;
	memmove(&a->verdicts[first], &a->verdicts[last],
	    (a->n - last) * sizeof *a->verdicts);
	a->n -= last - first;
}

/* Makes a write unknown: it splits its span. */
static void announced_forget(struct announced *a, version_t v)
{
	size_t at = span_at(a, v);
	if (at == a->nspans || a->spans[at].from > v)
		return;
	struct span below = {a->spans[at].from, v};
	a->spans[at].from = v + 1;
	if (a->spans[at].from >= a->spans[at].to)
		remove_spans(a, at, 1);
	if (below.from < below.to)
		insert_span(a, at, below);
}

static void announced_take(
    struct announced *a, const struct span *s, const struct record_mark *m)
{
	remove_verdicts(a, s);
	cover(a, *s);
	for (size_t i = 0; i < m->nverdicts; i++) {
		const struct record_verdict *r = &m->verdicts[i];
		if (r->version < s->from || r->version >= s->to)
			continue;
		if (announced_is_enough(r))
			insert_verdict(a, r);
		else
			announced_forget(a, r->version);
	}
}

/* --- marks --------------------------------------------------------------- */

static version_t announced_later(version_t a, version_t b)
{
	return a > b ? a : b;
}

static version_t earlier(version_t a, version_t b)
{
	return a < b ? a : b;
}

/* Below the watermark: fills only ranges where nothing is known. */
static void announced_fill(struct announced *a, version_t from, version_t to,
    const struct record_mark *m)
{
	while (from < to && is_room(a)) {
		const struct record_verdict *r = NULL;
		struct span s = {from, earlier(announced_run(a, from), to)};
		if (announced_find(a, from, &r) == ANNOUNCED_NOT)
			announced_take(a, &s, m);
		from = s.to;
	}
}

void announced_mark(struct announced *a, const struct record_mark *m)
{
	if (!a->started || m->anew)
		a->end = m->from;
	a->started = true;
	version_t from = announced_later(m->from, a->from);
	announced_fill(a, from, earlier(m->through, a->end), m);
	const struct span s = {announced_later(from, a->end), m->through};
	a->end = announced_later(a->end, m->through);
	if (s.from < s.to && is_room(a))
		announced_take(a, &s, m);
}

bool announced_covers(const struct announced *a, version_t to)
{
	version_t v = a->from;
	for (size_t at = span_at(a, v); v < to; v = a->spans[at++].to) {
		if (at == a->nspans || a->spans[at].from > v)
			return false;
	}
	return true;
}

enum announced_as announced_find(const struct announced *a, version_t version,
    const struct record_verdict **out)
{
	size_t span = span_at(a, version), at = verdict_at(a, version);
	if (span == a->nspans || a->spans[span].from > version)
		return ANNOUNCED_NOT;
	if (at == a->n || a->verdicts[at].version != version)
		return ANNOUNCED_ACCEPTED;
	*out = &a->verdicts[at];
	return (*out)->replayed ? ANNOUNCED_REPLAYED : ANNOUNCED_REJECTED;
}

version_t announced_run(const struct announced *a, version_t version)
{
	size_t at = span_at(a, version);
	if (at == a->nspans)
		return VERSION_MAX;
	const struct span *s = &a->spans[at];
	return s->from > version ? s->from : s->to;
}

void announced_free(struct announced **ap)
{
	struct announced *a = *ap;
	if (a == NULL)
		return;
	arena_free(&a->texts);
	free(a->verdicts);
	free(a->spans);
	free(a);
	*ap = NULL;
}
