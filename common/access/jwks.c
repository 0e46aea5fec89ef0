#include "common/access/jwks.h"

#include "common/access/small_file.h"
#include "common/access/strict_json.h"
#include "common/base/check.h"
#include "common/base/mem.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGEST_BYTES = 32 };

struct jwks {
	atomic_uint holders;
	unsigned char digest[DIGEST_BYTES]; /* of its text */
	struct jwk *keys;
	size_t nkeys;
	char **passed_over;
	size_t npassed_over;
};

static void digest_of(
    const char *text, size_t len, unsigned char out[DIGEST_BYTES])
{
	CHECK(EVP_Digest(text, len, out, NULL, EVP_sha256(), NULL) == 1);
}

bool jwks_same(const struct jwks *a, const struct jwks *b)
{
	return memcmp(a->digest, b->digest, DIGEST_BYTES) == 0;
}

/* --- parsing ------------------------------------------------------------- */

static void pass_over(struct jwks *set, size_t index, const char *reason)
{
	struct buf text = {0};
	buf_printf(&text, "keys[%zu]: %s", index, reason);
	set->passed_over[set->npassed_over++] = buf_take(&text, NULL);
}

static bool same_kid(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Keys without a kid are no duplicates: a token that names no key is refused if
 * it could be of several. */
static bool is_duplicate(const struct jwks *set, const struct jwk *k)
{
	for (size_t i = 0; k->kid && i < set->nkeys; i++) {
		if (set->keys[i].algs & k->algs &&
		    same_kid(set->keys[i].kid, k->kid))
			return true;
	}
	return false;
}

static void jwks_add(
    struct jwks *set, size_t index, const json_t *v, bool secrets)
{
	char reason[JWK_REASON_MAX];
	struct jwk k;
	bool ok = jwk_read(v, secrets, &k, reason);
	if (ok && !is_duplicate(set, &k)) {
		set->keys[set->nkeys++] = k;
		return;
	}
	pass_over(set, index,
	    ok ? "a key before it has the same kid and algorithm" : reason);
	jwk_free(&k);
}

static struct err no_usable_key(const struct jwks *set)
{
	if (set->npassed_over == 0)
		return err_make(ERR_KIND_FATAL, "jwks", "keys: has no key");
	return err_make(ERR_KIND_FATAL, "jwks",
	    "no key can be used to verify tokens; %s", set->passed_over[0]);
}

static struct err read_keys(const json_t *keys, bool secrets, struct jwks *set)
{
	const json_t *v;
	size_t i, n = json_array_size(keys);
	if (!json_is_array(keys))
		return err_make(ERR_KIND_FATAL, "jwks",
		    "keys: the member must be there, and be an array");
	if (n > JWKS_KEYS_MOST)
		return err_make(ERR_KIND_FATAL, "jwks",
		    "keys: %zu keys; allowed: at most %d", n, JWKS_KEYS_MOST);
	set->keys = mem_zalloc((n + 1) * sizeof *set->keys);
	set->passed_over = mem_zalloc((n + 1) * sizeof *set->passed_over);
	json_array_foreach(keys, i, v) jwks_add(set, i, v, secrets);
	return set->nkeys ? ERR_OK : no_usable_key(set);
}

struct err jwks_parse(
    const char *text, size_t len, bool secrets, struct jwks **out)
{
	struct strict_json_fault fault;
	*out = NULL;
	json_t *v = strict_json_parse(text, len, &fault);
	if (v == NULL)
		return err_make(ERR_KIND_FATAL, "jwks",
		    "line %d, column %d: %s", fault.line, fault.column,
		    fault.what);
	struct jwks *set = MEM_NEW(struct jwks);
	set->holders = 1;
	digest_of(text, len, set->digest);
	struct err e = read_keys(json_object_get(v, "keys"), secrets, set);
	json_decref(v);
	if (e.kind == ERR_KIND_OK)
		*out = set;
	else
		jwks_release(&set);
	return e;
}

struct err jwks_load(const char *path, struct jwks **out)
{
	struct buf text = {0};
	*out = NULL;
	struct err e = small_file_read(path, JWKS_BYTES_MOST, &text);
	if (e.kind != ERR_KIND_OK)
		goto done;
	e = jwks_parse(text.data ? text.data : "", text.len, true, out);
	if (e.kind != ERR_KIND_OK)
		e = err_make(e.kind, e.code, "%s: %s", path, e.msg);
	if (text.data)
		OPENSSL_cleanse(text.data, text.len);
done:
	buf_free(&text);
	return e;
}

/* --- holders ------------------------------------------------------------- */

struct jwks *jwks_hold(struct jwks *set)
{
	atomic_fetch_add_explicit(&set->holders, 1, memory_order_relaxed);
	return set;
}

void jwks_release(struct jwks **setp)
{
	struct jwks *set = *setp;
	*setp = NULL;
	if (set == NULL || atomic_fetch_sub_explicit(
			       &set->holders, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < set->nkeys; i++)
		jwk_free(&set->keys[i]);
	for (size_t i = 0; i < set->npassed_over; i++)
		free(set->passed_over[i]);
	free(set->keys);
	free(set->passed_over);
	free(set);
}

/* --- look-up ------------------------------------------------------------- */

size_t jwks_count(const struct jwks *set)
{
	return set->nkeys;
}

const char *jwks_passed_over(const struct jwks *set, size_t i)
{
	return i < set->npassed_over ? set->passed_over[i] : NULL;
}

enum jwks_found jwks_find(const struct jwks *set, const char *kid,
    enum jwk_alg alg, const struct jwk **out)
{
	enum jwks_found found = JWKS_UNKNOWN;
	*out = NULL;
	for (size_t i = 0; i < set->nkeys; i++) {
		const struct jwk *k = &set->keys[i];
		if (kid && !same_kid(k->kid, kid))
			continue;
		if (!(k->algs & 1U << alg)) {
			found = found == JWKS_FOUND ? found : JWKS_OTHER_ALG;
			continue;
		}
		if (*out)
			return JWKS_AMBIGUOUS;
		*out = k;
		found = JWKS_FOUND;
	}
	return found;
}
