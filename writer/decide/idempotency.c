#include "writer/decide/idempotency.h"

#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

static int compare_keys(const char *a, size_t alen, const char *b, size_t blen)
{
	int order = memcmp(a, b, alen < blen ? alen : blen);
	if (order != 0 || alen == blen)
		return order;
	return alen < blen ? -1 : 1;
}

static int compare_writes(const void *a, const void *b)
{
	const struct write *x = *(const struct write *const *)a;
	const struct write *y = *(const struct write *const *)b;
	int order =
	    compare_keys(x->said.idempotency_key, x->said.idempotency_len,
		y->said.idempotency_key, y->said.idempotency_len);
	if (order != 0)
		return order;
	return x->version < y->version ? -1 : x->version > y->version;
}

static int compare_record(const void *key, const void *element)
{
	const struct write *w = key;
	const struct idempotency_record *r = element;
	return compare_keys(w->said.idempotency_key, w->said.idempotency_len,
	    r->key, r->key_len);
}

static bool idempotency_same_key(const struct write *a, const struct write *b)
{
	return compare_keys(a->said.idempotency_key, a->said.idempotency_len,
		   b->said.idempotency_key, b->said.idempotency_len) == 0;
}

static struct idempotency_verdict judge_one(const struct write *w,
    const struct write *first, const struct idempotency_record *record,
    const struct write *base)
{
	uint64_t fingerprint =
	    record ? record->fingerprint : first->said.fingerprint;
	struct idempotency_verdict v = {
	    .role = IDEMPOTENCY_FIRST,
	    .record = record,
	    .first = (size_t)(first - base),
	};
	if (record || w != first)
		v.role = w->said.fingerprint == fingerprint
			     ? IDEMPOTENCY_REPLAY
			     : IDEMPOTENCY_REUSED;
	return v;
}

static struct idempotency_verdict as_told(const struct write *w)
{
	struct idempotency_verdict v = {.role = IDEMPOTENCY_FIRST};
	if (w->refused == REASON_KEY_REUSED)
		v.role = IDEMPOTENCY_REUSED;
	if (w->announced != ANNOUNCED_REPLAYED)
		return v;
	v.role = IDEMPOTENCY_REPLAY;
	v.told = &w->first;
	return v;
}

/* The writes of one key. Returns which of them is the first, or NULL. */
static const struct write *judge_told(const struct write *const *keyed,
    size_t n, const struct write *base, struct idempotency_verdict *verdicts)
{
	const struct write *first = NULL;
	for (size_t i = 0; i < n; i++) {
		struct idempotency_verdict v = as_told(keyed[i]);
		verdicts[keyed[i] - base] = v;
		if (v.role == IDEMPOTENCY_FIRST)
			first = keyed[i];
	}
	return first;
}

static const struct write *judge_known(const struct write *const *keyed,
    size_t n, const struct write *base, struct idempotency_verdict *verdicts,
    const struct idempotency_record *record)
{
	for (size_t i = 0; i < n; i++)
		verdicts[keyed[i] - base] =
		    judge_one(keyed[i], keyed[0], record, base);
	return record ? NULL : keyed[0];
}

size_t idempotency_judge(const struct write *writes, size_t n, const bool *out,
    const struct idempotency_record *known, size_t nknown,
    struct idempotency_verdict *verdicts, size_t *order)
{
	const struct write **keyed = mem_alloc((n + 1) * sizeof *keyed);
	size_t nkeyed = 0, nfirst = 0;
	for (size_t i = 0; i < n; i++) {
		verdicts[i] = (struct idempotency_verdict){0};
		if (writes[i].said.idempotency_key && !out[i])
			keyed[nkeyed++] = &writes[i];
	}
	qsort(keyed, nkeyed, sizeof *keyed, compare_writes);
	for (size_t i = 0, k; i < nkeyed; i += k) {
		const struct write *first = keyed[i];
		const struct idempotency_record *record =
		    nknown ? bsearch(first, known, nknown, sizeof *known,
				 compare_record)
			   : NULL;
		k = 1;
		while (
		    i + k < nkeyed && idempotency_same_key(keyed[i + k], first))
			k++;
		first =
		    first->announced == ANNOUNCED_NOT
			? judge_known(&keyed[i], k, writes, verdicts, record)
			: judge_told(&keyed[i], k, writes, verdicts);
		if (first)
			order[nfirst++] = (size_t)(first - writes);
	}
	free(keyed);
	return nfirst;
}
