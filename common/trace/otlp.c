#include "common/trace/otlp.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void add_resource(struct buf *out, const struct otlp_resource *r)
{
	struct buf list = {0};
	span_attribute(&list, "service.name", r->service, strlen(r->service));
	span_attribute(
	    &list, "service.version", r->version, strlen(r->version));
	span_attribute(
	    &list, "service.instance.id", r->instance, strlen(r->instance));
	span_attribute(&list, "host.name", r->host, strlen(r->host));
	buf_add(out, list.data, list.len);
	buf_free(&list);
}

void otlp_request(struct buf *out, const struct otlp_resource *r,
    struct span *const *spans, size_t n)
{
	buf_str(out, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
	add_resource(out, r);
	buf_str(out, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"sluice\"},"
		     "\"spans\":[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_char(out, ',');
		span_write(spans[i], out);
	}
	buf_str(out, "]}]}]}");
}

/* The specification names these four. */
enum otlp_verdict otlp_judge(int status)
{
	if (status >= 200 && status < 300)
		return OTLP_TAKEN;
	return status == 429 || status == 502 || status == 503 || status == 504
		   ? OTLP_AGAIN
		   : OTLP_REFUSED;
}

/* An int64, which is text in the JSON of protobuf; readers take numbers, too.
 */
static int64_t count_of(const json_t *v)
{
	if (json_is_string(v))
		return strtoll(json_string_value(v), NULL, 10);
	return json_integer_value(v);
}

size_t otlp_rejected(const struct buf *answer, size_t n, struct buf *why)
{
	json_t *doc =
	    answer->len ? json_loadb(answer->data, answer->len, 0, NULL) : NULL;
	const json_t *partial = json_object_get(doc, "partialSuccess");
	int64_t rejected = count_of(json_object_get(partial, "rejectedSpans"));
	const char *text =
	    json_string_value(json_object_get(partial, "errorMessage"));
	buf_str(why, text ? text : "");
	json_decref(doc);
	if (rejected < 0)
		return 0;
	return (uint64_t)rejected > n ? n : (size_t)rejected;
}
