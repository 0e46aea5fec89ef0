#include "common/log/scan_back.h"

#include "common/base/check.h"

#include <librdkafka/rdkafka.h>

/* Messages from the end; 0: all. */
static const int64_t reaches[] = {
    [REACH_FIRST] = 64, 1024, 16384, [REACH_WHOLE] = 0};

int64_t reach_offset(int reach)
{
	CHECK(reach >= REACH_FIRST && reach <= REACH_WHOLE);
	int64_t n = reaches[reach];
	return n ? RD_KAFKA_OFFSET_TAIL(n) : RD_KAFKA_OFFSET_BEGINNING;
}

bool reach_is_whole(int reach, int64_t end)
{
	CHECK(reach >= REACH_FIRST && reach <= REACH_WHOLE);
	return reach == REACH_WHOLE || end <= reaches[reach];
}
