#include "api/changes/change_filter.h"

#include "common/base/hash.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <xxhash.h>

void change_filter_start(struct change_filter *l, struct change_place place)
{
	l->place = place;
	follower_start(&l->follower, place.watermark);
}

void change_filter_hear(struct change_filter *l, int64_t offset)
{
	follower_hear(&l->follower, offset);
}

static bool told_newer(
    const struct change_filter *l, XXH128_hash_t key, version_t version)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct change_note *n = &l->notes[i];
		if (n->key == key.low64 && n->check == key.high64 &&
		    n->version > version)
			return true;
	}
	return false;
}

bool change_filter_record(
    struct change_filter *l, const char *id, size_t len, version_t version)
{
	XXH128_hash_t key = XXH3_128bits_withSeed(id, len, hash_seed());
	enum follow_record what = follower_record(&l->follower, version);
	if (what == FOLLOW_IGNORE ||
	    (what == FOLLOW_DROP && told_newer(l, key, version)))
		return false;
	MEM_GROW(l->notes, l->cap, l->n);
	l->notes[l->n++] = (struct change_note){key.low64, key.high64, version};
	return true;
}

bool change_filter_forget(struct change_filter *l, version_t forged)
{
	if (forged == 0 || follower_base(&l->follower) != forged)
		return false;
	follower_reset(&l->follower);
	l->follower.seen = 0;
	l->place.watermark = 0;
	l->n = 0;
	return true;
}

enum follow_mark change_filter_mark(
    struct change_filter *l, version_t from, version_t through, int64_t after)
{
	enum follow_mark what =
	    follower_mark(&l->follower, from, through, after);
	if (what == FOLLOW_MARK_IGNORE)
		return what;
	l->place = (struct change_place){through, after + 1};
	size_t kept = 0;
	for (size_t i = 0; i < l->n; i++) {
		if (l->notes[i].version >= through)
			l->notes[kept++] = l->notes[i];
	}
	l->n = kept;
	return what;
}

void change_filter_anew(
    struct change_filter *l, version_t through, int64_t after)
{
	follower_anew(&l->follower, through);
	l->place = (struct change_place){through, after + 1};
	l->n = 0;
}

void change_filter_free(struct change_filter *l)
{
	free(l->notes);
	*l = (struct change_filter){0};
}
