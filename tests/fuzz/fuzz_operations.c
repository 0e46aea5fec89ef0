/* The operations of an atomic batch. The first byte chooses the form: `b` the
 * body of a request, `l` a line of a bulk of operations, or else the value of a
 * record in the log. A body that is
 * taken becomes a value that is read; and a value that is read and written
 * again is the same. */
#include "tests/fuzz/fuzz.h"

#include "api/batch/batch_body.h"
#include "tests/unit/declared.h"

static bool same(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static struct record_write batch_of(const char *value, size_t len)
{
	return (struct record_write){
	    .op = RECORD_BATCH, .body = value, .body_len = len};
}

static void check_same(
    const struct record_write *a, const struct record_write *b)
{
	CHECK(a->op == b->op && a->condition == b->condition);
	CHECK(a->shape == b->shape);
	CHECK(same(a->id, a->id_len, b->id, b->id_len));
	CHECK(same(a->body, a->body_len, b->body, b->body_len));
	CHECK(same(a->versions, a->versions_len, b->versions, b->versions_len));
	CHECK(same(a->owner.s, a->owner.len, b->owner.s, b->owner.len));
	CHECK(same(a->owner_field.s, a->owner_field.len, b->owner_field.s,
	    b->owner_field.len));
}

static void write_again(const struct operations *o)
{
	struct buf value = {0};
	struct operations again;
	for (size_t i = 0; i < o->n; i++)
		operations_add(&value, &o->all[i]);
	operations_end(&value);
	struct record_write batch = batch_of(value.data, value.len);
	CHECK(operations_parse(&batch, &again));
	CHECK(again.n == o->n);
	for (size_t i = 0; i < o->n; i++)
		check_same(&again.all[i], &o->all[i]);
	operations_free(&again);
	buf_free(&value);
}

static void read_value(const char *s, size_t len)
{
	struct record_write batch = batch_of(s, len);
	struct operations o;
	if (!operations_parse(&batch, &o))
		return;
	write_again(&o);
	operations_free(&o);
}

static void read_body(const char *s, size_t len)
{
	struct batch_body b;
	batch_body_read(&b, s, len);
	batch_body_validate(&b, 4096);
	if (b.result.validity == VALID) {
		struct buf value = {0};
		struct operations o;
		batch_body_write(&b, &value);
		struct record_write batch = batch_of(value.data, value.len);
		CHECK(operations_parse(&batch, &o));
		CHECK(o.n == b.n && b.n > 0);
		operations_free(&o);
		buf_free(&value);
	} else {
		CHECK(b.result.validity != INVALID || b.result.violations.n);
	}
	batch_body_free(&b);
}

/* A line of a bulk. */
static void read_line(const char *s, size_t len)
{
	struct one_operation o;
	struct validation parsed;
	struct jsonslice value;
	struct violations faults = {0};
	char why[160];
	bool is = validate_parse(s, len, &value, &parsed);
	validation_free(&parsed);
	if (!is)
		return;
	one_operation_read(&o, declared("counters"), value, &faults);
	CHECK(o.good == (faults.n == 0));
	if (o.good && one_operation_validate(&o, ONE_OPERATION_DOCUMENT, 4096,
			  &faults, why) == VALID) {
		struct record_write w = one_operation_record(&o);
		CHECK(o.creates || one_operation_key_len(&o) > 0);
		CHECK((w.op == RECORD_DELETE) == (w.body_len == 0));
	}
	violations_free(&faults);
	one_operation_free(&o);
}

static void read_detail(const char *s, size_t len)
{
	struct buf again = {0};
	char *text = mem_strndup(s, len);
	size_t index;
	const char *own = operations_failed(text, &index);
	if (own) {
		operations_detail(&again, index, own);
		CHECK(operations_failed(again.data, &index) != NULL);
	}
	buf_free(&again);
	free(text);
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	struct fuzz in = fuzz_of(data, size);
	unsigned form = fuzz_byte(&in);
	char *own = mem_strndup(in.len ? in.s : "", in.len);
	declared("accounts");
	if (form == 'b')
		read_body(own, in.len);
	else if (form == 'l')
		read_line(own, in.len);
	else
		read_value(own, in.len);
	read_detail(own, in.len);
	free(own);
	return 0;
}
