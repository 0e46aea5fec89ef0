#include "api/list/copy_row.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

/* Signature, flags, length of the header's extension, which is empty. */
enum { HEADER = 11 + 4 + 4 };

static int take_int(const char **at, int bytes)
{
	uint32_t wide;
	uint16_t narrow;
	if (bytes == 2) {
		memcpy(&narrow, *at, sizeof narrow);
		*at += sizeof narrow;
		return (int16_t)ntohs(narrow);
	}
	memcpy(&wide, *at, sizeof wide);
	*at += sizeof wide;
	return (int32_t)ntohl(wide);
}

static bool take_cell(
    const char **at, const char *end, struct row_doc_cell *cell)
{
	if (end - *at < 4)
		return false;
	int len = take_int(at, 4);
	if (len < -1 || len > end - *at)
		return false;
	*cell = (struct row_doc_cell){*at, len};
	*at += len > 0 ? len : 0;
	return true;
}

bool copy_row_take(struct copy_row *c, const struct collection *row,
    const char *s, size_t len, struct row_doc_cell *cells)
{
	const char *end = s + len;
	if (!c->headed) {
		if (len < HEADER || memcmp(s, "PGCOPY\n\377\r\n", 11) != 0)
			return false;
		s += HEADER;
		c->headed = true;
	}
	if (end - s < 2 || c->trailed)
		return false;
	int columns = take_int(&s, 2);
	if (columns == -1) {
		c->trailed = true;
		return s == end;
	}
	if (columns != ROW_DOC_COLUMNS(row))
		return false;
	for (int i = 0; i < columns; i++) {
		if (!take_cell(&s, end, &cells[i]))
			return false;
	}
	return s == end && row_doc_fits(row, cells);
}
