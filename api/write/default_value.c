#include "api/write/default_value.h"

#include "api/write/uuidv7.h"
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/entropy.h"

#include <inttypes.h>
#include <time.h>

/* RFC 3339, in UTC, with the microseconds that a row can hold. */
static void add_now(struct buf *out, wall_us_t now)
{
	time_t seconds = (time_t)(now / CLOCK_S(1));
	struct tm tm;
	char text[32];
	gmtime_r(&seconds, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(out, "\"%s.%06" PRId64 "Z\"", text, now % CLOCK_S(1));
}

void default_value_add(struct buf *out, const struct field *f)
{
	char uuid[UUIDV7_LEN];
	switch (f->generated) {
	case GENERATED_NOT:
		CHECK(f->otherwise.s != NULL);
		buf_add(out, f->otherwise.s, f->otherwise.len);
		return;
	case GENERATED_NOW:
		add_now(out, clock_wall());
		return;
	case GENERATED_UUID:
		uuidv7_make(clock_wall(), entropy_bits(), entropy_bits(), uuid);
		buf_printf(out, "\"%s\"", uuid);
		return;
	}
	UNREACHABLE("a default");
}
