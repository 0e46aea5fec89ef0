/* Values of header fields, and what else is one word of a request. The first
 * byte chooses, the rest is the text. */
#include "tests/fuzz/fuzz.h"

#include "api/commits/change_id.h"
#include "api/http/accept.h"
#include "api/http/cache_control.h"
#include "api/http/cors.h"
#include "api/http/header_list.h"
#include "api/http/precondition.h"
#include "api/http/prefer.h"
#include "common/http/origin_check.h"
#include "common/http/path.h"
#include "common/log/version.h"
#include "common/trace/trace_context.h"

static void list(const char *s)
{
	struct header_list_item item;
	const char *at = s, *end = s + strlen(s);
	while (header_list_next(&at, &item)) {
		CHECK(at <= end);
		CHECK(item.name.len == 0 ||
		      (item.name.s >= s && item.name.s + item.name.len <= end));
		CHECK(item.value.len == 0 ||
		      (item.value.s >= s &&
			  item.value.s + item.value.len <= end));
	}
}

/* What is taken and written again is the same. */
static void trace(const char *s, size_t len)
{
	struct trace_context c, again;
	char text[TRACE_CONTEXT_LEN + 1];
	if (!trace_context_parse(s, len, &c))
		return;
	trace_context_format(&c, text);
	CHECK(trace_context_parse(text, strlen(text), &again));
	CHECK(again.trace[0] == c.trace[0] && again.trace[1] == c.trace[1]);
	CHECK(again.span == c.span && again.flags == c.flags);
}

static void preferences(const char *s)
{
	struct prefer p = {0};
	prefer_parse(s, &p);
	CHECK(p.wait >= 0 && p.wait <= CLOCK_S(PREFER_WAIT_MAX_S));
}

static void tags(const char *s)
{
	struct buf versions = {0};
	enum precondition_kind kind = precondition_parse(s, NULL, &versions);
	CHECK(kind == PRECONDITION_BAD || kind == PRECONDITION_MATCH);
	for (size_t i = 0; i < versions.len; i++)
		CHECK(strchr("*,0123456789", versions.data[i]));
	buf_clear(&versions);
	precondition_parse(NULL, s, &versions);
	CHECK(versions.len == 0);
	buf_free(&versions);
	if (etag_listed(s, "\"1042\"", true))
		CHECK(etag_listed(s, "\"1042\"", false));
}

static void caching(const char *s)
{
	struct cache_control c = {0};
	cache_control_parse(s, &c);
	static const char *const types[] = {
	    "application/json", "text/csv", "application/x-ndjson"};
	size_t i = accept_choose(s, types, 3);
	CHECK(i < 3 && (i == 0 || accept_allows(s, types[i])));
}

static void change(const char *s)
{
	enum { PARTITIONS = 2 };
	struct change_place places[PARTITIONS], again[PARTITIONS];
	struct buf text = {0};
	for (uint32_t epoch = 0; epoch < 2; epoch++) {
		if (change_id_parse(s, epoch, places, PARTITIONS) !=
		    CHANGE_ID_GOOD)
			continue;
		change_id_write(&text, epoch, places, PARTITIONS);
		CHECK(change_id_parse(text.data, epoch, again, PARTITIONS) ==
		      CHANGE_ID_GOOD);
		CHECK(memcmp(places, again, sizeof places) == 0);
	}
	buf_free(&text);
}

static void position(const char *s, size_t len)
{
	struct position p;
	version_t v;
	char text[POSITION_MAX_LEN], hex[VERSION_HEX_LEN + 1];
	if (position_parse(s, len, &p)) {
		CHECK(position_format(p, text) == len);
		CHECK(memcmp(text, s, len) == 0);
		version_make(
		    version_epoch(p.version), version_offset(p.version));
	}
	if (len == VERSION_HEX_LEN && version_from_hex(s, &v)) {
		version_to_hex(v, hex);
		CHECK(memcmp(hex, s, len) == 0);
	}
}

static void path(const char *s)
{
	struct path p, again;
	struct buf text = {0};
	if (path_parse(s, &p) && p.n <= PATH_SEGMENTS) {
		for (size_t i = 0; i < p.n; i++) {
			buf_char(&text, '/');
			path_encode(
			    &text, p.segments[i].text, p.segments[i].len);
		}
		buf_str(&text, "");
		CHECK(path_parse(text.data, &again) && again.n == p.n);
		for (size_t i = 0; i < p.n; i++) {
			CHECK(again.segments[i].len == p.segments[i].len);
			CHECK(memcmp(again.segments[i].text, p.segments[i].text,
				  p.segments[i].len) == 0);
			CHECK(!again.segments[i].reserved);
		}
		path_free(&again);
	}
	path_free(&p);
	buf_free(&text);
}

#define ORIGINS "https://app.example,http://b.example:8443"

/* May a page of it read answers? Only if it is listed, in any case. */
static void cors(const char *origin)
{
	struct cors_header out[CORS_HEADERS];
	bool listed = strcasecmp(origin, "https://app.example") == 0 ||
		      strcasecmp(origin, "http://b.example:8443") == 0;
	CHECK((cors_for(ORIGINS, origin, out) > 0) == listed);
	CHECK((cors_preflight(ORIGINS, origin, "GET", out) > 0) == listed);
	CHECK(cors_shares(ORIGINS, origin) == !listed);
}

/* Lines: Host, Origin, Sec-Fetch-Site, Content-Type; an empty one: it is not
 * there. */
static void origin(const char *s, size_t len)
{
	const struct origin_rules rules = {.hosts = "app.example, other"};
	struct fuzz in = {s, len};
	char *line[4];
	size_t n;
	for (size_t i = 0; i < 4; i++)
		line[i] = fuzz_line(&in, &n);
	const struct origin_check g = {
	    .method = "POST",
	    .host = *line[0] ? line[0] : NULL,
	    .origin = *line[1] ? line[1] : NULL,
	    .fetch_site = *line[2] ? line[2] : NULL,
	    .content_type = *line[3] ? line[3] : NULL,
	};
	/* Whoever is let in was called by a name or address of ours, and comes
	 * from this very Host. */
	if (origin_check(&g, &rules) == ORIGIN_OK) {
		const char *h = g.host ? g.host : "localhost";
		CHECK(strspn(h, "0123456789abcdefABCDEF.:[]") > 1 ||
		      strncasecmp(h, "localhost", 9) == 0 ||
		      strncasecmp(h, "app.example", 11) == 0 ||
		      strncasecmp(h, "other", 5) == 0);
		CHECK(g.origin == NULL ||
		      (g.host && strcasestr(g.origin, g.host) != NULL));
	}
	if (g.origin)
		cors(g.origin);
	for (size_t i = 0; i < 4; i++)
		free(line[i]);
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	struct fuzz in = fuzz_of(data, size);
	unsigned which = fuzz_byte(&in);
	size_t len;
	char *s = fuzz_rest(&in, &len);
	switch (which) {
	case 'l':
		list(s);
		break;
	case 'p':
		preferences(s);
		break;
	case 'e':
		tags(s);
		break;
	case 'c':
		caching(s);
		break;
	case 'i':
		change(s);
		break;
	case 'o':
		origin(s, len);
		break;
	case 't':
		trace(s, len);
		break;
	case '3':
		position(s, len);
		break;
	case '/': {
		struct buf raw = {0};
		buf_char(&raw, '/');
		buf_str(&raw, s);
		path(raw.data);
		buf_free(&raw);
		break;
	}
	default:
		break;
	}
	free(s);
	return 0;
}
