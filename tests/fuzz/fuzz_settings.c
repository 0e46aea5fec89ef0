/* A file of settings, the address of a Redis, quantities with units. The first
 * byte chooses, the rest is the text. */
#include "tests/fuzz/fuzz.h"

#include "common/base/units.h"
#include "common/base/utf8.h"
#include "common/daemon/config.h"
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
	struct err e = config_load_file(&c, path);
	CHECK(e.kind == ERR_KIND_OK || e.msg[0]);
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
	else
		quantity(s);
	free(s);
	return 0;
}
