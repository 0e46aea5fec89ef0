#include "common/access/strict_json.h"

static const char *what_of(enum json_error_code code)
{
	if (code == json_error_duplicate_key)
		return "a duplicate member of its object";
	if (code == json_error_premature_end_of_input)
		return "ends too early";
	if (code == json_error_end_of_input_expected)
		return "more text behind the value";
	if (code == json_error_invalid_utf8)
		return "not valid UTF-8";
	if (code == json_error_numeric_overflow)
		return "a number that is too large";
	return "not valid JSON";
}

json_t *strict_json_parse(
    const char *text, size_t len, struct strict_json_fault *fault)
{
	json_error_t e = {.line = -1};
	json_t *v = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
	if (json_is_object(v))
		return v;
	*fault = (struct strict_json_fault){1, 1, false, "must be an object"};
	if (v == NULL) {
		enum json_error_code code = json_error_code(&e);
		fault->line = e.line > 0 ? e.line : 1;
		fault->column = e.column > 0 ? e.column : 1;
		fault->duplicate = code == json_error_duplicate_key;
		fault->what = what_of(code);
	}
	json_decref(v);
	return NULL;
}
