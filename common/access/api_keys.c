#include "common/access/api_keys.h"

#include "common/access/base64url.h"
#include "common/access/small_file.h"
#include "common/access/strict_json.h"
#include "common/base/check.h"
#include "common/base/mem.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SHA256_BYTES = 32, SECRET_LEN = 43, TIME_LEN = 20 };
enum { PREFIX_LEN = sizeof API_KEYS_PREFIX - 1 };

struct entry {
	char *id;
	char *certificate; /* its name; NULL: it is a key */
	unsigned char digest[SHA256_BYTES];
	struct principal *principal;
};

struct api_keys {
	atomic_uint holders;
	unsigned char digest[SHA256_BYTES]; /* of its text */
	struct entry *entries;		    /* by id */
	size_t n;
};

static void sha256_of(
    const void *s, size_t len, unsigned char out[SHA256_BYTES])
{
	CHECK(EVP_Digest(s, len, out, NULL, EVP_sha256(), NULL) == 1);
}

/* --- time ---------------------------------------------------------------- */

static bool write_time(int64_t seconds, char out[TIME_LEN + 1])
{
	time_t t = (time_t)seconds;
	struct tm tm;
	return gmtime_r(&t, &tm) && strftime(out, TIME_LEN + 1,
					"%Y-%m-%dT%H:%M:%SZ", &tm) == TIME_LEN;
}

/* It is a time if it is written again as the same. */
static bool read_time(const char *s, int64_t *out)
{
	char again[TIME_LEN + 1];
	struct tm tm = {0};
	const char *end = strptime(s, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (end == NULL || *end)
		return false;
	*out = (int64_t)timegm(&tm);
	return write_time(*out, again) && strcmp(s, again) == 0;
}

/* --- members of an entry ------------------------------------------------- */

/* The place of a fault: `keys[2].roles[0]`. */
__attribute__((format(printf, 3, 4))) static struct err entry_fault(
    size_t index, const char *member, const char *fmt, ...)
{
	char reason[160];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof reason, fmt, ap);
	va_end(ap);
	return err_make(ERR_KIND_FATAL, "keys", "keys[%zu]%s%s: %s", index,
	    *member ? "." : "", member, reason);
}

bool api_keys_id_valid(const char *id, size_t len)
{
	if (len == 0 || len > API_KEYS_ID_MAX || id[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!(id[i] >= 'a' && id[i] <= 'z') &&
		    !(id[i] >= '0' && id[i] <= '9') && id[i] != '-')
			return false;
	}
	return true;
}

static struct err read_id(size_t index, const json_t *v, struct entry *out)
{
	const json_t *id = json_object_get(v, "id");
	if (!json_is_string(id) ||
	    !api_keys_id_valid(json_string_value(id), json_string_length(id)))
		return entry_fault(index, "id",
		    "must be a string of lower-case letters, digits and -, at "
		    "most %d of them",
		    API_KEYS_ID_MAX);
	out->id = mem_strdup(json_string_value(id));
	return ERR_OK;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static struct err read_digest(size_t index, const json_t *v, struct entry *out)
{
	const json_t *text = json_object_get(v, "sha256");
	const char *s = json_string_value(text);
	bool ok = s && json_string_length(text) == 2 * SHA256_BYTES;
	for (size_t i = 0; ok && i < SHA256_BYTES; i++) {
		int high = hex_digit(s[2 * i]), low = hex_digit(s[2 * i + 1]);
		ok = high >= 0 && low >= 0;
		out->digest[i] = (unsigned char)(ok ? high << 4 | low : 0);
	}
	return ok ? ERR_OK
		  : entry_fault(
			index, "sha256", "must be a string of 64 hex digits");
}

static struct err read_certificate(
    size_t index, const json_t *v, struct entry *out)
{
	const json_t *name = json_object_get(v, "certificate");
	if (!json_is_string(name) || json_string_length(name) == 0)
		return entry_fault(index, "certificate",
		    "must be a name of a certificate, such as CN=ci,O=acme or "
		    "DNS:ci.acme");
	if (json_object_get(v, "sha256"))
		return entry_fault(index, "",
		    "has both sha256 and certificate; make two entries");
	out->certificate = mem_strdup(json_string_value(name));
	return ERR_OK;
}

static struct err read_proof(size_t index, const json_t *v, struct entry *out)
{
	return json_object_get(v, "certificate")
		   ? read_certificate(index, v, out)
		   : read_digest(index, v, out);
}

static struct err read_role(
    size_t index, size_t i, const json_t *v, bool any_roles, role_set *out)
{
	char place[32];
	size_t len = json_string_length(v);
	snprintf(place, sizeof place, "roles[%zu]", i);
	if (!json_is_string(v) || !role_name_valid(json_string_value(v), len))
		return entry_fault(index, place,
		    "a role begins with a lower-case letter, and has "
		    "lower-case "
		    "letters, digits, _ and -");
	role_set role = roles_find(json_string_value(v), len);
	if (role == 0 && !any_roles)
		return entry_fault(index, place,
		    "no collection and no setting grants anything to the role "
		    "%s",
		    json_string_value(v));
	*out |= role;
	return ERR_OK;
}

static struct err read_roles(
    size_t index, const json_t *v, bool any_roles, role_set *out)
{
	const json_t *roles = json_object_get(v, "roles"), *role;
	struct err e = ERR_OK;
	size_t i;
	*out = 0;
	if (!json_is_array(roles) || json_array_size(roles) == 0)
		return entry_fault(
		    index, "roles", "must be an array of at least one role");
	json_array_foreach(roles, i, role)
	{
		e = read_role(index, i, role, any_roles, out);
		if (e.kind != ERR_KIND_OK)
			break;
	}
	return e;
}

static struct err read_expiry(size_t index, const json_t *v, int64_t *out)
{
	const json_t *expires = json_object_get(v, "expires");
	*out = INT64_MAX;
	if (expires == NULL)
		return ERR_OK;
	if (!json_is_string(expires) ||
	    !read_time(json_string_value(expires), out))
		return entry_fault(index, "expires",
		    "must be a time such as \"2027-01-31T00:00:00Z\"");
	return ERR_OK;
}

static struct err read_subject(size_t index, const json_t *v, struct entry *out)
{
	const json_t *subject = json_object_get(v, "subject");
	char own[API_KEYS_ID_MAX + 16];
	if (subject &&
	    (!json_is_string(subject) || json_string_length(subject) == 0 ||
		json_string_length(subject) > API_KEYS_SUBJECT_MAX))
		return entry_fault(index, "subject",
		    "must be a string of 1 to %d bytes", API_KEYS_SUBJECT_MAX);
	snprintf(own, sizeof own, "%s:%s",
	    principal_kind_name(out->principal->kind), out->id);
	const char *s = subject ? json_string_value(subject) : own;
	principal_claim(out->principal, 0, s, strlen(s));
	return ERR_OK;
}

static struct err check_note(size_t index, const json_t *v)
{
	const json_t *note = json_object_get(v, "note");
	if (note && !json_is_string(note))
		return entry_fault(index, "note", "must be a string");
	return ERR_OK;
}

/* A misspelt `expires` would be a key that never expires. */
static struct err check_members(size_t index, json_t *v)
{
	static const char *const known[] = {"id", "sha256", "certificate",
	    "roles", "subject", "expires", "note"};
	const char *name;
	json_t *value;
	if (!json_is_object(v))
		return entry_fault(index, "", "must be an object");
	json_object_foreach(v, name, value)
	{
		bool is_known = false;
		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			is_known |= strcmp(known[i], name) == 0;
		if (!is_known)
			return entry_fault(
			    index, "", "unknown member \"%.40s\"", name);
	}
	return ERR_OK;
}

static struct err read_entry(
    size_t index, json_t *v, bool any_roles, struct entry *out)
{
	role_set roles;
	int64_t expires;
	struct err e = check_members(index, v);
	if (e.kind == ERR_KIND_OK)
		e = read_id(index, v, out);
	if (e.kind == ERR_KIND_OK)
		e = read_proof(index, v, out);
	if (e.kind == ERR_KIND_OK)
		e = read_roles(index, v, any_roles, &roles);
	if (e.kind == ERR_KIND_OK)
		e = read_expiry(index, v, &expires);
	if (e.kind == ERR_KIND_OK)
		e = check_note(index, v);
	if (e.kind != ERR_KIND_OK)
		return e;
	out->principal = principal_new(
	    out->certificate ? PRINCIPAL_CERTIFICATE : PRINCIPAL_KEY, roles,
	    expires);
	principal_name_key(out->principal, out->id);
	return read_subject(index, v, out);
}

/* --- the file ------------------------------------------------------------ */

static int by_id(const void *a, const void *b)
{
	return strcmp(
	    ((const struct entry *)a)->id, ((const struct entry *)b)->id);
}

static struct err check_unique(const struct api_keys *keys)
{
	for (size_t i = 1; i < keys->n; i++) {
		if (by_id(&keys->entries[i - 1], &keys->entries[i]) == 0)
			return err_make(ERR_KIND_FATAL, "keys",
			    "keys: two keys have the id %s",
			    keys->entries[i].id);
	}
	return ERR_OK;
}

static const struct entry *certificate_entry(
    const struct api_keys *keys, const char *name)
{
	for (size_t i = 0; i < keys->n; i++) {
		const struct entry *e = &keys->entries[i];
		if (e->certificate && strcmp(e->certificate, name) == 0)
			return e;
	}
	return NULL;
}

static struct err check_certificates(const struct api_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++) {
		const struct entry *e = &keys->entries[i];
		if (e->certificate &&
		    certificate_entry(keys, e->certificate) != e)
			return err_make(ERR_KIND_FATAL, "keys",
			    "keys: two entries have the certificate %.80s",
			    e->certificate);
	}
	return ERR_OK;
}

static struct err read_entries(
    json_t *list, bool any_roles, struct api_keys *keys)
{
	size_t n = json_array_size(list);
	struct err e = ERR_OK;
	if (!json_is_array(list))
		return err_make(ERR_KIND_FATAL, "keys",
		    "keys: the member must be there, and be an array");
	if (n > API_KEYS_MOST)
		return err_make(ERR_KIND_FATAL, "keys",
		    "keys: %zu keys; allowed: at most %d", n, API_KEYS_MOST);
	keys->entries = mem_zalloc((n + 1) * sizeof *keys->entries);
	while (keys->n < n && e.kind == ERR_KIND_OK) {
		size_t i = keys->n++;
		e = read_entry(
		    i, json_array_get(list, i), any_roles, &keys->entries[i]);
	}
	if (e.kind != ERR_KIND_OK)
		return e;
	qsort(keys->entries, keys->n, sizeof *keys->entries, by_id);
	e = check_unique(keys);
	return e.kind == ERR_KIND_OK ? check_certificates(keys) : e;
}

static struct err api_keys_check_top(json_t *v)
{
	const char *name;
	json_t *value;
	json_object_foreach(v, name, value)
	{
		if (strcmp(name, "keys") != 0)
			return err_make(ERR_KIND_FATAL, "keys",
			    "unknown member \"%.40s\"", name);
	}
	return ERR_OK;
}

struct err api_keys_parse(
    const char *text, size_t len, bool any_roles, struct api_keys **out)
{
	struct strict_json_fault fault;
	*out = NULL;
	json_t *v = strict_json_parse(text, len, &fault);
	if (v == NULL)
		return err_make(ERR_KIND_FATAL, "keys",
		    "line %d, column %d: %s", fault.line, fault.column,
		    fault.what);
	struct api_keys *keys = MEM_NEW(struct api_keys);
	keys->holders = 1;
	sha256_of(text, len, keys->digest);
	struct err e = api_keys_check_top(v);
	if (e.kind == ERR_KIND_OK)
		e = read_entries(json_object_get(v, "keys"), any_roles, keys);
	json_decref(v);
	if (e.kind == ERR_KIND_OK)
		*out = keys;
	else
		api_keys_release(&keys);
	return e;
}

struct err api_keys_load(
    const char *path, bool any_roles, struct api_keys **out)
{
	struct buf text = {0};
	*out = NULL;
	struct err e = small_file_read(path, API_KEYS_BYTES_MOST, &text);
	if (e.kind == ERR_KIND_OK) {
		e = api_keys_parse(
		    text.data ? text.data : "", text.len, any_roles, out);
		if (e.kind != ERR_KIND_OK)
			e = err_make(e.kind, e.code, "%s: %s", path, e.msg);
	}
	buf_free(&text);
	return e;
}

/* --- holders ------------------------------------------------------------- */

struct api_keys *api_keys_hold(struct api_keys *keys)
{
	atomic_fetch_add_explicit(&keys->holders, 1, memory_order_relaxed);
	return keys;
}

void api_keys_release(struct api_keys **keysp)
{
	struct api_keys *keys = *keysp;
	*keysp = NULL;
	if (keys == NULL || atomic_fetch_sub_explicit(
				&keys->holders, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < keys->n; i++) {
		free(keys->entries[i].id);
		free(keys->entries[i].certificate);
		principal_unref(&keys->entries[i].principal);
	}
	free(keys->entries);
	free(keys);
}

/* --- look-up ------------------------------------------------------------- */

bool api_keys_same(const struct api_keys *a, const struct api_keys *b)
{
	return memcmp(a->digest, b->digest, SHA256_BYTES) == 0;
}

size_t api_keys_count(const struct api_keys *keys)
{
	return keys->n;
}

static struct entry *find_entry(const struct api_keys *keys, const char *id)
{
	struct entry wanted = {.id = (char *)(uintptr_t)id};
	return bsearch(
	    &wanted, keys->entries, keys->n, sizeof *keys->entries, by_id);
}

bool api_keys_has(const struct api_keys *keys, const char *id)
{
	return find_entry(keys, id) != NULL;
}

/* The secret may have `_`, the id has none. */
static bool split_key(const char *key, size_t len, char id[API_KEYS_ID_MAX + 1])
{
	size_t fixed = PREFIX_LEN + 1 + SECRET_LEN;
	if (len <= fixed || len > fixed + API_KEYS_ID_MAX ||
	    memcmp(key, API_KEYS_PREFIX, PREFIX_LEN) != 0 ||
	    key[len - SECRET_LEN - 1] != '_')
		return false;
	memcpy(id, key + PREFIX_LEN, len - fixed);
	id[len - fixed] = '\0';
	return api_keys_id_valid(id, len - fixed);
}

enum api_keys_fault api_keys_find(const struct api_keys *keys, const char *key,
    size_t len, wall_us_t now, struct principal **out)
{
	static const struct entry nobody;
	unsigned char digest[SHA256_BYTES];
	char id[API_KEYS_ID_MAX + 1];
	*out = NULL;
	if (!split_key(key, len, id))
		return API_KEYS_MALFORMED;
	sha256_of(key, len, digest);
	const struct entry *e = find_entry(keys, id);
	if (e && e->certificate)
		e = NULL;
	bool right = CRYPTO_memcmp(e ? e->digest : nobody.digest, digest,
			 sizeof digest) == 0;
	if (e == NULL)
		return API_KEYS_UNKNOWN;
	if (!right)
		return API_KEYS_WRONG;
	if (now / CLOCK_S(1) >= e->principal->expires)
		return API_KEYS_EXPIRED;
	*out = principal_ref(e->principal);
	return API_KEYS_OK;
}

enum api_keys_fault api_keys_find_certificate(const struct api_keys *keys,
    const char *const *names, size_t n, wall_us_t now, struct principal **out)
{
	const struct entry *e = NULL;
	*out = NULL;
	for (size_t i = 0; i < n && e == NULL; i++)
		e = certificate_entry(keys, names[i]);
	if (e == NULL)
		return API_KEYS_UNKNOWN;
	if (now / CLOCK_S(1) >= e->principal->expires)
		return API_KEYS_EXPIRED;
	*out = principal_ref(e->principal);
	return API_KEYS_OK;
}

/* --- making one ---------------------------------------------------------- */

static void append_hex(struct buf *out, const unsigned char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_printf(out, "%02x", s[i]);
}

void api_keys_make(const struct api_keys_entry *e,
    const unsigned char random[API_KEYS_RANDOM], struct buf *key,
    struct buf *json)
{
	unsigned char digest[SHA256_BYTES];
	char expires[TIME_LEN + 1];
	size_t from = key->len;
	buf_printf(key, "%s%s_", API_KEYS_PREFIX, e->id);
	base64url_encode(key, random, API_KEYS_RANDOM);
	sha256_of(key->data + from, key->len - from, digest);
	buf_printf(json, "{\"id\":\"%s\",\"sha256\":\"", e->id);
	append_hex(json, digest, sizeof digest);
	buf_str(json, "\",\"roles\":[");
	for (size_t i = 0; i < e->nroles; i++)
		buf_printf(json, "%s\"%s\"", i ? "," : "", e->roles[i]);
	buf_str(json, "]");
	if (e->subject) {
		buf_str(json, ",\"subject\":");
		buf_json(json, e->subject, strlen(e->subject));
	}
	if (e->expires != INT64_MAX && write_time(e->expires, expires))
		buf_printf(json, ",\"expires\":\"%s\"", expires);
	buf_str(json, "}");
}
