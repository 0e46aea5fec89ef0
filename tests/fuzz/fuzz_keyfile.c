/* A line that a client sends as an API key, then a key file. */
#include "tests/fuzz/fuzz.h"

#include "common/access/api_keys.h"

static void sends(const struct api_keys *keys, const char *key, size_t len)
{
	struct principal *p;
	enum api_keys_fault fault =
	    api_keys_find(keys, key, len, CLOCK_S(1700000000), &p);
	CHECK((p != NULL) == (fault == API_KEYS_OK));
	if (p)
		CHECK(p->kind == PRINCIPAL_KEY && *principal_subject(p) &&
		      p->expires > 1700000000);
	principal_unref(&p);
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	static role_set editor;
	struct fuzz in = fuzz_of(data, size);
	struct api_keys *keys;
	size_t key_len, len;
	if (editor == 0)
		roles_grant(&editor, "editor", 6);
	char *key = fuzz_line(&in, &key_len);
	char *text = fuzz_rest(&in, &len);
	struct err e =
	    api_keys_parse(text, len, key_len && key[0] != 's', &keys);
	CHECK((keys != NULL) == (e.kind == ERR_KIND_OK));
	CHECK(keys || e.msg[0]);
	if (keys)
		sends(keys, key, key_len);
	api_keys_release(&keys);
	free(key);
	free(text);
	return 0;
}
