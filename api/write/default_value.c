#include "api/write/default_value.h"

#include "api/write/uuidv7.h"
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/random.h"

void default_value_add(struct buf *out, const struct field *f)
{
	char uuid[UUIDV7_LEN];
	switch (f->generated) {
	case GENERATED_NOT:
		CHECK(f->otherwise.s != NULL);
		buf_add(out, f->otherwise.s, f->otherwise.len);
		return;
	case GENERATED_NOW:
		buf_char(out, '"');
		format_add_date_time(out, clock_wall());
		buf_char(out, '"');
		return;
	case GENERATED_UUID:
		uuidv7_make(clock_wall(), random_bits(), random_bits(), uuid);
		buf_printf(out, "\"%s\"", uuid);
		return;
	}
	UNREACHABLE("a default");
}
