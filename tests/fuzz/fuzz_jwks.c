/* A key set: what is taken has keys that can be found and verify nothing that
 * was not signed. The first byte: whether secrets are taken. */
#include "tests/fuzz/fuzz.h"

#include "common/access/jwks.h"

static void use(const struct jwks *set)
{
	static const unsigned char signature[64] = {1};
	for (int alg = 0; alg < JWK_ALGS; alg++) {
		const struct jwk *k;
		if (jwks_find(set, NULL, (enum jwk_alg)alg, &k) != JWKS_FOUND)
			continue;
		CHECK(k->algs & 1U << alg && (k->key || k->secret));
		CHECK(!jwk_verify(
		    k, (enum jwk_alg)alg, "text", 4, signature, 64));
		if (k->kid)
			CHECK(jwks_find(set, k->kid, (enum jwk_alg)alg, &k) ==
			      JWKS_FOUND);
	}
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	struct fuzz in = fuzz_of(data, size);
	bool secrets = fuzz_byte(&in) == 's';
	struct jwks *set;
	size_t len;
	char *text = fuzz_rest(&in, &len);
	struct err e = jwks_parse(text, len, secrets, &set);
	CHECK((set != NULL) == (e.kind == ERR_KIND_OK));
	if (set) {
		CHECK(jwks_count(set) && jwks_same(set, set));
		use(set);
	} else {
		CHECK(e.msg[0]);
	}
	jwks_release(&set);
	free(text);
	return 0;
}
