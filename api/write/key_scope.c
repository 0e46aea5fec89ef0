#include "api/write/key_scope.h"

#include "common/base/buf.h"
#include "common/base/check.h"

#include <openssl/evp.h>
#include <string.h>

char *key_scope(const char *subject, const char *key, size_t len)
{
	struct buf text = {0}, hex = {0};
	unsigned char hash[KEY_SCOPE_LEN / 2];
	/* The NUL cannot be in either. */
	buf_add(&text, subject, strlen(subject) + 1);
	buf_add(&text, key, len);
	CHECK(EVP_Digest(text.data, text.len, hash, NULL, EVP_sha256(), NULL));
	buf_free(&text);
	for (size_t i = 0; i < sizeof hash; i++)
		buf_printf(&hex, "%02x", hash[i]);
	return buf_take(&hex, NULL);
}
