/* Two JSON texts, a line each: what the second, a merge patch, makes of the
 * first is a document; to apply it once more changes nothing. */
#include "tests/fuzz/fuzz.h"

#include "common/json/jsondup.h"
#include "writer/decide/jsonmerge.h"

static void merge(struct jsonslice target, struct jsonslice patch)
{
	struct buf once = {0}, twice = {0};
	struct jsonslice v;
	jsonmerge(&once, target, patch);
	CHECK(jsonslice_scan(once.data, once.len, &v));
	if (jsondup_find(target).s == NULL && jsondup_find(patch).s == NULL)
		CHECK(jsondup_find(v).s == NULL);
	if (jsonslice_kind(patch) != JSONSLICE_OBJECT)
		CHECK(v.len == patch.len && memcmp(v.s, patch.s, v.len) == 0);
	jsonmerge(&twice, v, patch);
	CHECK(fuzz_same(&once, &twice));
	buf_free(&once);
	buf_free(&twice);
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	struct fuzz in = fuzz_of(data, size);
	size_t target_len, patch_len;
	struct jsonslice target, patch;
	char *a = fuzz_line(&in, &target_len), *b = fuzz_rest(&in, &patch_len);
	if (jsonslice_scan(b, patch_len, &patch)) {
		struct buf alone = {0};
		struct jsonslice v;
		jsonmerge(&alone, (struct jsonslice){0}, patch);
		CHECK(jsonslice_scan(alone.data, alone.len, &v));
		buf_free(&alone);
		if (jsonslice_scan(a, target_len, &target))
			merge(target, patch);
	}
	free(a);
	free(b);
	return 0;
}
