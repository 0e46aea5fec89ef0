/* Tokens against a fixed set of keys. The first byte chooses: `t`: the rest is
 * a token; else two lines, a header and a payload, which are signed here with a
 * secret of the set, so that what is behind the signature is reached, too. */
#include "tests/fuzz/fuzz.h"

#include "common/access/base64url.h"
#include "common/access/jwt.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define NOW CLOCK_S(1700000000)
#define SECRET "0123456789abcdef0123456789abcdef"

/* The keys of RFC 7515, A.2 and A.3, and RFC 8037, A.2; and SECRET. */
static const char set_text[] =
    "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r\",\"e\":\"AQAB\",\"n\":\"ofgWCuLjy"
    "bRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPM"
    "EzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_"
    "7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xs"
    "mtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaG"
    "Nj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\"},"
    "{\"kty\":\"EC\",\"kid\":\"e\",\"crv\":\"P-256\","
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
    "{\"kty\":\"OKP\",\"kid\":\"d\",\"crv\":\"Ed25519\","
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},"
    "{\"kty\":\"oct\",\"kid\":\"s\","
    "\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}]}";

static struct jwks *keys(void)
{
	static struct jwks *set;
	if (set == NULL)
		CHECK(jwks_parse(set_text, sizeof set_text - 1, true, &set)
			  .kind == ERR_KIND_OK);
	return set;
}

static void judge(const char *token, size_t len)
{
	static const struct jwt_policy policy = {"i", "a", CLOCK_S(30)};
	struct jwt t;
	enum jwt_fault fault = jwt_verify(token, len, keys(), &policy, NOW, &t);
	if (fault != JWT_OK) {
		CHECK(t.claims == NULL && *jwt_fault_name(fault));
		return;
	}
	CHECK(len <= JWT_LENGTH_MOST && t.expires > NOW);
	const char *iss = json_string_value(json_object_get(t.claims, "iss"));
	CHECK(iss && strcmp(iss, "i") == 0);
	jwt_free(&t);
}

static void judge_signed(struct fuzz *in)
{
	unsigned char mac[32];
	unsigned mac_len = sizeof mac;
	struct buf token = {0};
	size_t len;
	char *header = fuzz_line(in, &len);
	base64url_encode(&token, header, len);
	buf_char(&token, '.');
	char *payload = fuzz_rest(in, &len);
	base64url_encode(&token, payload, len);
	CHECK(HMAC(EVP_sha256(), SECRET, 32, (const unsigned char *)token.data,
	    token.len, mac, &mac_len));
	buf_char(&token, '.');
	base64url_encode(&token, mac, sizeof mac);
	judge(token.data, token.len);
	buf_free(&token);
	free(header);
	free(payload);
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	struct fuzz in = fuzz_of(data, size);
	if (fuzz_byte(&in) != 't') {
		judge_signed(&in);
		return 0;
	}
	size_t len;
	char *token = fuzz_rest(&in, &len);
	judge(token, len);
	free(token);
	return 0;
}
