/* Fields and values from standard input, for
 * tests/integration/schema/test_schema_suite.py.
 *
 * A line `field {…}` declares one, as docs/collections.md says; a line
 * `value …` is judged by it. The answer to each: `valid`, `invalid`, or
 * `refused` with the reason.
 */
#include "common/base/check.h"
#include "common/schema/declare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct declaration *declaration;

static void declare_field(const char *text)
{
	struct declare_fault fault;
	struct buf b = {0};
	declaration_free(&declaration);
	buf_printf(&b,
	    "{\"name\":\"c\",\"key\":{\"type\":\"string\"},\"fields\":{\"f\":%"
	    "s},"
	    "\"required\":[\"f\"]}",
	    text);
	declaration = declare(b.data, b.len, "c", &fault);
	buf_free(&b);
	if (declaration)
		printf("valid\n");
	else
		printf("refused %s: %s\n", fault.pointer, fault.reason);
}

static void judge(const char *text)
{
	struct jsonslice v;
	if (declaration == NULL || !jsonslice_scan(text, strlen(text), &v)) {
		printf("refused: no JSON, or no field\n");
		return;
	}
	const struct field *f = declaration_collection(declaration)->fields;
	printf(field_faults(f, v) ? "invalid\n" : "valid\n");
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	while ((len = getline(&line, &cap, stdin)) > 0) {
		line[len - 1] = '\0';
		if (strncmp(line, "field ", 6) == 0)
			declare_field(line + 6);
		else if (strncmp(line, "value ", 6) == 0)
			judge(line + 6);
		else
			UNREACHABLE("a line that is neither");
	}
	declaration_free(&declaration);
	free(line);
	return 0;
}
