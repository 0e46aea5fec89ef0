#include "writer/batch/slice.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "writer/decide/prefetch.h"

#include <stdlib.h>

struct slice *slice_new(
    int32_t partition, version_t from, struct write *writes, size_t n)
{
	CHECK(n > 0 && writes[0].version >= from);
	struct slice *s = MEM_NEW(struct slice);
	s->partition = partition;
	s->from = from;
	s->to = writes[n - 1].version + 1;
	s->writes = writes;
	s->n = n;
	s->fits = n;
	for (size_t i = 0; i < n; i++) {
		s->rows += write_rows(&writes[i]);
		s->bytes += writes[i].size;
	}
	return s;
}

struct write *slice_take_writes(struct slice *s)
{
	struct write *writes = s->writes;
	s->writes = NULL;
	s->n = 0;
	return writes;
}

void slice_free(struct slice **sp)
{
	struct slice *s = *sp;
	if (s == NULL)
		return;
	prefetch_free(&s->lookup);
	for (size_t i = 0; i < s->n; i++)
		write_clear(&s->writes[i]);
	free(s->writes);
	free(s);
	*sp = NULL;
}
