/* field.h - what stands inside field values: media types, parameters, lists.
 */
#ifndef HTTP_FIELD_H
#define HTTP_FIELD_H

#include "base/str.h"

/* "application/json" out of "application/json; charset=utf-8": without parameters and blanks;
 * compare with str_ieq. */
str http_media_type(str value);

/* The parameter NAME of "x; NAME=value; other="quoted"", quotes removed; p == NULL if it is not
 * there, or the value is malformed before it. Backslashes in quotes stay. */
str http_param(str value, str name);

/* A comma-separated list has the token (ASCII case ignored). */
bool http_list_has(str list, str token);

#endif
