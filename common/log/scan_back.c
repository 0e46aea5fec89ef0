#include "common/log/scan_back.h"

#include "common/base/check.h"

#include <librdkafka/rdkafka.h>

/* Messages from the end; 0: all. */
static const int64_t reaches[] = {
    [SCAN_BACK_FIRST] = 64, 1024, 16384, [SCAN_BACK_WHOLE] = 0};

int64_t scan_back_offset(int reach)
{
	CHECK(reach >= SCAN_BACK_FIRST && reach <= SCAN_BACK_WHOLE);
	int64_t n = reaches[reach];
	return n ? RD_KAFKA_OFFSET_TAIL(n) : RD_KAFKA_OFFSET_BEGINNING;
}

bool scan_back_is_whole(int reach, int64_t end)
{
	CHECK(reach >= SCAN_BACK_FIRST && reach <= SCAN_BACK_WHOLE);
	return reach == SCAN_BACK_WHOLE || end <= reaches[reach];
}
