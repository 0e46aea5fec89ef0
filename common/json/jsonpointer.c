#include "common/json/jsonpointer.h"

void jsonpointer_add(struct buf *out, const char *name, size_t len)
{
	buf_char(out, '/');
	for (size_t i = 0; i < len; i++) {
		if (name[i] == '~')
			buf_str(out, "~0");
		else if (name[i] == '/')
			buf_str(out, "~1");
		else
			buf_char(out, name[i]);
	}
}
