/* A regular expression on the first line, what it is held against behind it. */
#include "tests/fuzz/fuzz.h"

#include "common/base/utf8.h"
#include "common/schema/pattern.h"

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	struct fuzz in = fuzz_of(data, size);
	char fault[PATTERN_FAULT_LEN] = "";
	size_t text_len, len;
	char *text = fuzz_line(&in, &text_len), *s = fuzz_rest(&in, &len);
	struct pattern *p = NULL;
	if (utf8_valid(text, text_len)) {
		p = pattern_new(text, text_len, fault);
		CHECK(p != NULL || fault[0]);
	}
	if (p && utf8_valid(s, len)) {
		size_t work;
		enum pattern_match m = pattern_counted(p, s, len, &work);
		CHECK(m == pattern_matches(p, s, len));
		CHECK(m == PATTERN_TOO_COMPLEX || work <= PATTERN_WORK_MOST);
	}
	pattern_free(&p);
	free(text);
	free(s);
	return 0;
}
