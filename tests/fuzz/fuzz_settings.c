/* A file of settings, the address of a Redis, quantities with units, limits of
 * roles, names and origins of the guards, places of keys and claims. The first
 * byte chooses, the rest is the text. */
#include "tests/fuzz/fuzz.h"

#include "api/access/jwks_url.h"
#include "api/access/rate_limit.h"
#include "api/http/cors.h"
#include "common/access/json_pointer.h"
#include "common/base/units.h"
#include "common/base/utf8.h"
#include "common/daemon/config.h"
#include "common/http/origin_check.h"
#include "common/json/jsonslice.h"
#include "common/redis/redis_url.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static void file(const char *s, size_t len)
{
	struct common_settings settings = {0};
	struct config c;
	struct buf json = {0};
	struct jsonslice v;
	char path[64];
	int fd = memfd_create("settings", MFD_CLOEXEC);
	CHECK(fd >= 0 && write(fd, s, len) == (ssize_t)len);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	config_init(&c, &settings, NULL, 0);
	struct faults faults = {0};
	config_load_file(&c, path, &faults);
	CHECK(faults.n == 0 || faults.all[faults.n - 1].msg[0]);
	config_json(&c, &json);
	CHECK(jsonslice_scan(json.data, json.len, &v) || !utf8_valid(s, len));
	buf_free(&json);
	config_free(&c);
	close(fd);
}

static void address(const char *s)
{
	struct redis_url u;
	if (redis_url_parse(s, &u).kind != ERR_KIND_OK)
		return;
	CHECK(u.user && u.password && u.host && *u.host);
	CHECK(u.port > 0 && u.port < 65536 && u.db >= 0);
	redis_url_free(&u);
}

static void quantity(const char *s)
{
	dur_us_t time, time_again;
	int64_t bytes, bytes_again;
	char text[32];
	if (units_parse_duration(s, &time)) {
		units_format_duration(time, text);
		CHECK(units_parse_duration(text, &time_again));
		CHECK(time == time_again);
	}
	if (units_parse_bytes(s, &bytes)) {
		units_format_bytes(bytes, text);
		CHECK(units_parse_bytes(text, &bytes_again));
		CHECK(bytes == bytes_again);
	}
}

/* A full bucket allows its burst at once, and then it has to be waited for. */
static void limit_is_kept(const struct rate_limit *limit)
{
	struct rate_table *t = rate_table_new(1);
	struct rate_key key = {1, 2};
	struct rate_answer a = {.allowed = true};
	int64_t n = 0;
	while (n <= limit->burst && n < 1000 && a.allowed) {
		a = rate_table_take(t, key, limit, CLOCK_S(1000));
		n += a.allowed;
	}
	CHECK(n == (limit->burst < 1000 ? limit->burst : 1000));
	CHECK(a.allowed || (a.retry_s > 0 && a.reset_s >= a.retry_s));
	rate_table_free(&t);
}

static void limit(const char *s)
{
	struct rate r;
	struct rate_limits all = {0};
	bool good = rate_parse(s, &r);
	if (good && !r.none)
		CHECK(r.count > 0 && r.per > 0 && r.burst > 0);
	struct err e = rate_limits_add(&all, "authenticated", s, 4);
	CHECK((e.kind == ERR_KIND_OK) == good);
	const struct rate_limit *own = rate_limits_of(&all, 0, false);
	if (good && !r.none) {
		CHECK(own && own->burst > 0 && own->step_ns > 0);
		limit_is_kept(own);
	}
	rate_limits_free(&all);
}

static void guards(const char *s)
{
	struct cors_header out[CORS_HEADERS];
	const struct origin_check g = {
	    .method = "POST", .host = "evil.example", .origin = "null"};
	const struct origin_rules rules = {.hosts = s, .origins = s};
	if (cors_check(s) && strcmp(s, "*") != 0) {
		CHECK(cors_for(s, "null", out) == 0);
		CHECK(!origin_check_lists(s, "*"));
	}
	if (origin_check_check_hosts(s) &&
	    !origin_check_lists(s, "evil.example"))
		CHECK(origin_check(&g, &rules) == ORIGIN_HOST);
}

static void places(const char *s)
{
	enum web_place place;
	struct err e = jwks_url_check(s, &place);
	CHECK(e.kind != ERR_KIND_OK || place == WEB_NOWHERE ||
	      strstr(s, "://") != NULL);
	if (json_pointer_path_valid(s)) {
		json_t *claims =
		    json_loads("{\"a\":{\"b\":[1]},\"\":2}", 0, NULL);
		json_pointer_path_find(claims, s);
		json_decref(claims);
	}
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	struct fuzz in = fuzz_of(data, size);
	unsigned which = fuzz_byte(&in);
	size_t len;
	char *s = fuzz_rest(&in, &len);
	if (which == 'f')
		file(s, len);
	else if (which == 'r')
		address(s);
	else if (which == 'l')
		limit(s);
	else if (which == 'g')
		guards(s);
	else if (which == 'p')
		places(s);
	else
		quantity(s);
	free(s);
	return 0;
}
