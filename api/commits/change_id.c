#include "api/commits/change_id.h"

#include <inttypes.h>
#include <string.h>

void change_id_write(struct buf *out, uint32_t epoch,
    const struct change_place *places, int32_t partitions)
{
	buf_printf(out, "%" PRIu32, epoch);
	for (int32_t p = 0; p < partitions; p++)
		buf_printf(out, ".%" PRIu64 "-%" PRId64, places[p].watermark,
		    places[p].offset);
}

/* Parses digits up to the byte `behind`, or up to the end if `behind` is NUL.
 */
static bool change_id_number(const char **s, char behind, uint64_t *out)
{
	size_t len = behind ? strcspn(*s, (char[]){behind, '\0'}) : strlen(*s);
	if ((*s)[len] != behind || !version_parse(*s, len, out))
		return false;
	*s += len + (behind != '\0');
	return true;
}

enum change_id change_id_parse(const char *s, uint32_t epoch,
    struct change_place *places, int32_t partitions)
{
	uint64_t n, watermark, offset;
	int32_t found = 0;
	if (strchr(s, '.') == NULL || !change_id_number(&s, '.', &n))
		return CHANGE_ID_MALFORMED;
	for (bool last = false; !last; found++) {
		last = strchr(s, '.') == NULL;
		if (!change_id_number(&s, '-', &watermark) ||
		    !change_id_number(&s, last ? '\0' : '.', &offset))
			return CHANGE_ID_MALFORMED;
		if (found < partitions)
			places[found] =
			    (struct change_place){watermark, (int64_t)offset};
	}
	return n == epoch && found == partitions ? CHANGE_ID_GOOD
						 : CHANGE_ID_OTHER;
}
