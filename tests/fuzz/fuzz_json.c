/* One JSON text: what the scanner lets pass can be walked, its strings are read
 * as they are written, its numbers have an order. */
#include "tests/fuzz/fuzz.h"

#include "common/base/utf8.h"
#include "common/json/decimal.h"
#include "common/json/jsondup.h"
#include "common/json/jsonslice.h"
#include "common/json/jsonstring.h"
#include "common/json/jsonwalk.h"
#include "common/schema/field.h"

enum { NUMBERS = 6 };

struct numbers {
	struct jsonraw numbers[NUMBERS];
	size_t n;
};

static void string(struct jsonraw v)
{
	struct buf text = {0}, again = {0};
	struct jsonraw other;
	jsonraw_text(&text, v);
	CHECK(utf8_valid(text.data ? text.data : "", text.len));
	buf_json(&again, text.data ? text.data : "", text.len);
	CHECK(jsonraw_scan(again.data, again.len, &other));
	CHECK(jsontext_same(v, other));
	CHECK(jsontext_hash(v) == jsontext_hash(other));
	CHECK(jsontext_length(v) == jsontext_length(other));
	CHECK(jsonraw_equals(v, text.data ? text.data : "", text.len));
	buf_free(&text);
	buf_free(&again);
}

static void value(struct numbers *w, struct jsonraw v)
{
	enum jsonraw_kind kind = jsonraw_kind(v);
	if (kind == JSONRAW_STRING)
		string(v);
	if (kind == JSONRAW_NUMBER && w->n < NUMBERS)
		w->numbers[w->n++] = v;
	if (kind == JSONRAW_OBJECT) {
		struct jsonraw_member m = jsonraw_members(v);
		while (jsonraw_next(&m)) {
			string(m.name);
			value(w, m.value);
		}
	}
	if (kind == JSONRAW_ARRAY) {
		struct jsonraw_element e = jsonraw_elements(v);
		while (jsonraw_each(&e))
			value(w, e.value);
	}
}

static void sum(struct jsonraw a, struct jsonraw b)
{
	struct buf one = {0}, other = {0};
	struct jsonraw x, y;
	bool fits = decimal_add(&one, a, b, FIELD_DIGITS);
	CHECK(fits == decimal_add(&other, b, a, FIELD_DIGITS));
	if (fits) {
		CHECK(jsonraw_scan(one.data, one.len, &x));
		CHECK(jsonraw_scan(other.data, other.len, &y));
		CHECK(decimal_fits(x, FIELD_DIGITS) &&
		      decimal_compare(x, y) == 0);
	}
	buf_free(&one);
	buf_free(&other);
}

static void numbers(const struct numbers *w)
{
	int64_t one, other;
	for (size_t i = 0; i < w->n; i++) {
		struct jsonraw a = w->numbers[i];
		CHECK(decimal_compare(a, a) == 0);
		for (size_t k = 0; k < w->n; k++) {
			struct jsonraw b = w->numbers[k];
			int order = decimal_compare(a, b);
			CHECK(order == -decimal_compare(b, a));
			if (decimal_int64(a, &one) && decimal_int64(b, &other))
				CHECK(order == (one > other) - (one < other));
			for (size_t l = 0; order <= 0 && l < w->n; l++)
				CHECK(decimal_compare(b, w->numbers[l]) > 0 ||
				      decimal_compare(a, w->numbers[l]) <= 0);
			if (i == 0 && k == 1 && decimal_fits(a, FIELD_DIGITS) &&
			    decimal_fits(b, FIELD_DIGITS))
				sum(a, b);
		}
	}
}

/* The same tokens as by going down level by level. */
static void walk(struct jsonraw v)
{
	struct jsonwalk w = {.at = v.s, .end = v.s + v.len};
	const char *behind = v.s;
	enum jsonwalk_token t;
	size_t depth = 0;
	while ((t = jsonwalk_next(&w)) != JSONWALK_END) {
		struct jsonraw same;
		CHECK(w.token.s >= behind && w.token.len > 0);
		behind = w.token.s + w.token.len;
		CHECK(behind <= v.s + v.len);
		if (t == JSONWALK_OBJECT || t == JSONWALK_ARRAY)
			depth++;
		else if (t == JSONWALK_CLOSE)
			CHECK(depth-- > 0);
		else
			CHECK(jsonraw_scan(w.token.s, w.token.len, &same));
		CHECK(depth <= JSONRAW_DEPTH);
	}
	CHECK(depth == 0 && behind == v.s + v.len);
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	struct fuzz in = fuzz_of(data, size);
	struct jsonraw v, same;
	struct jsonraw_fault fault;
	struct numbers w = {.n = 0};
	bool good = jsonraw_parse(in.s, in.len, &v, &fault);
	CHECK(good == jsonraw_scan(in.s, in.len, &same));
	if (!good) {
		CHECK(fault.at <= in.len && fault.what && *fault.what);
		return 0;
	}
	CHECK(same.s == v.s && same.len == v.len);
	CHECK(jsonraw_scan(v.s, v.len, &same) && same.len == v.len);
	value(&w, v);
	walk(v);
	numbers(&w);
	struct jsonraw twice = jsontwice_find(v);
	CHECK(twice.s == NULL || jsonraw_kind(twice) == JSONRAW_STRING);
	return 0;
}
